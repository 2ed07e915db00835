/** How numbers, times and spans are written. Unknown is always the dash, never a zero. */

export const DASH = '—'
export const MINUS = '−'
export const THIN = '\u202f'

export type Figure = number | string | null | undefined

function parsed(value: Figure): number | null {
  if (value === null || value === undefined || value === '') return null
  const number = typeof value === 'number' ? value : Number(value)
  return Number.isFinite(number) ? number : null
}

/** Digits after the point that an exact decimal written as text has; null when it is not such a text. */
function ownDigits(value: Figure): number | null {
  if (typeof value !== 'string' || !/^[-+]?\d+(\.\d+)?$/.test(value)) return null
  return value.split('.')[1]?.length ?? 0
}

/** A figure with thin spaces between thousands and a true minus. `digits` fixes the digits after the point. */
export function number(value: Figure, digits?: number): string {
  const known = parsed(value)
  if (known === null) return DASH
  const places = digits ?? Math.min(ownDigits(value) ?? 3, 3)
  let text = Math.abs(known).toFixed(places)
  if (digits === undefined && text.includes('.')) text = text.replace(/\.?0+$/, '')
  const [whole = '0', rest] = text.split('.')
  const grouped = whole.length > 3 ? whole.replace(/\B(?=(\d{3})+$)/g, THIN) : whole
  const sign = known < 0 && Number(text) !== 0 ? MINUS : ''
  return sign + grouped + (rest ? `.${rest}` : '')
}

/** What something takes away from a score; nothing is a zero, for it is known. */
export const cost = (lost: Figure): string => {
  const known = parsed(lost)
  return number(known === null ? null : -known, 1)
}

/** A change, with its sign; no change is the dash. */
export function change(value: Figure, digits?: number): string {
  const known = parsed(value)
  if (known === null || known === 0) return DASH
  const text = number(known, digits)
  return known > 0 ? `+${text}` : text
}

/** A share from 0 to 1 as a percentage figure, without its sign. */
export function percent(value: Figure, digits = 1): string {
  const known = parsed(value)
  return known === null ? DASH : number(known * 100, digits)
}

/** `n / N`; a part that is unknown is the dash. */
export function ratio(part: Figure, whole: Figure): string {
  return `${number(part)} / ${number(whole)}`
}

/** A size of a file. */
export function bytes(value: number): string {
  if (value < 1024) return `${number(value)} B`
  if (value < 1024 * 1024) return `${number(value / 1024, 1)} KB`
  return `${number(value / 1024 / 1024, 1)} MB`
}
