/** What is told about a figure: definition, formula with the figures in it, time, source, and the rows behind it. */
import type { State } from '@/ui/lights'
import type { Asked } from './shown'

export interface Cell {
  text: string
  /** Drawn as a shape before the text. */
  state?: State
  /** A figure: stands at the right. */
  end?: boolean
  quiet?: boolean
  href?: string | null
  /** Another figure that can be explained. */
  ask?: Asked
}

export interface Sheet {
  title: string
  value: string
  unit: string
  /** Null where the figure has no state of its own. */
  state: State | null
  /** Label and text, in the order in which they are read. */
  told: [string, string][]
  head: { text: string; end?: boolean }[]
  rows: Cell[][]
  /** How many rows there are in all, where not all are shown. */
  total: number
  /** The page of the console that tells everything. */
  more: string | null
}

export const MOST_ROWS = 40

/** Only what is said. */
export const told = (...pairs: [string, string | null | undefined | false][]): [string, string][] =>
  pairs.filter((pair): pair is [string, string] => Boolean(pair[1]))

export const end = (text: string): Cell => ({ text, end: true })
export const plain = (text: string): Cell => ({ text })
