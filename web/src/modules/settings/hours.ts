/** Office hours as the calendar keeps them and as a person types them. */

export type Slot = [string, string]
export interface Schedule {
  since: string
  slots: Slot[]
}

/** The schedules of a calendar, the oldest first. */
export function schedules(hours: Record<string, unknown>[]): Schedule[] {
  return hours
    .map((row) => ({ since: String(row.from), slots: (row.slots as string[][]).map(([from = '', until = '']) => [from, until] as Slot) }))
    .sort((a, b) => a.since.localeCompare(b.since))
}

const SLOT = /^(\d{1,2}):(\d{2})\s*[-–—~]\s*(\d{1,2}):(\d{2})$/

/** `08:00-12:00, 14:00-18:00` as slots; null for what cannot be read. */
export function slotsOf(text: string): Slot[] | null {
  const parts = text.split(/[,;，；\n]+/).map((part) => part.trim()).filter(Boolean)
  const slots = parts.map((part): Slot | null => {
    const found = SLOT.exec(part)
    return found ? [`${(found[1] ?? '').padStart(2, '0')}:${found[2] ?? ''}`, `${(found[3] ?? '').padStart(2, '0')}:${found[4] ?? ''}`] : null
  })
  return slots.length > 0 && slots.every((slot) => slot !== null) ? slots : null
}

export const slotsText = (slots: Slot[]): string => slots.map((slot) => slot.join('-')).join(', ')
