/** The days of a year as a person reads them: weeks begin on Monday. */

export interface Day {
  iso: string
  number: number
  weekend: boolean
  kind: 'plain' | 'weekend' | 'off' | 'work'
}

export interface Month {
  number: number
  /** Empty places before the first day. */
  blanks: number
  days: Day[]
}

export function monthsOf(year: number, off: ReadonlySet<string>, work: ReadonlySet<string>): Month[] {
  return Array.from({ length: 12 }, (_, index) => {
    const length = new Date(Date.UTC(year, index + 1, 0)).getUTCDate()
    const first = new Date(Date.UTC(year, index, 1)).getUTCDay()
    const days = Array.from({ length }, (_day, at) => {
      const made = new Date(Date.UTC(year, index, at + 1))
      const iso = made.toISOString().slice(0, 10)
      const weekend = made.getUTCDay() % 6 === 0
      const kind = weekend ? (work.has(iso) ? 'work' : 'weekend') : off.has(iso) ? 'off' : 'plain'
      return { iso, number: at + 1, weekend, kind } satisfies Day
    })
    return { number: index + 1, blanks: (first + 6) % 7, days }
  })
}
