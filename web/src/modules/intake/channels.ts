/** Channels as the desk groups them: what it draws them as, and in which colour of the palette. */
import { Camera, FileText, Globe, Phone, RadioTower, UserRound, type LucideIcon } from '@lucide/vue'

export type Group = 'sensor' | 'call' | 'video' | 'web' | 'person' | 'other'

const GROUPS: Record<string, Group> = {
  '01': 'person',
  '02': 'person',
  '03': 'person',
  '11': 'call',
  '33': 'web',
  '34': 'video',
  '41': 'video',
  '42': 'sensor',
}

export const groupOf = (channel: string): Group => GROUPS[channel] ?? 'other'

export const ICONS: Record<Group, LucideIcon> = {
  sensor: RadioTower,
  call: Phone,
  video: Camera,
  web: Globe,
  person: UserRound,
  other: FileText,
}

/** Tokens of the categorical palette, one per group. */
export const TOKENS: Record<Group, string> = {
  sensor: 'c1',
  call: 'c5',
  video: 'c2',
  web: 'c3',
  person: 'c4',
  other: 'c6',
}

/** Counts by group, most first, e.g. of a situation's signals. */
export function byGroup(counts: Record<string, number>): [Group, number][] {
  const sums = new Map<Group, number>()
  for (const [channel, count] of Object.entries(counts)) {
    sums.set(groupOf(channel), (sums.get(groupOf(channel)) ?? 0) + count)
  }
  return [...sums].sort((a, b) => b[1] - a[1])
}
