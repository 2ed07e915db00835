/** Levels and states of alarms and devices as shapes. */
import type { AlarmRow, DeviceRow } from '@/api/sensing'
import type { State } from '@/ui/lights'

const LEVELS: Record<string, State> = { severe: 'bad', major: 'att', minor: 'att' }

/** The shape of an alarm level. */
export const shapeOfLevel = (level: string): State => LEVELS[level] ?? 'unknown'

/** An alarm that is over or judged is calm; else its level tells. */
export function stateOfAlarm(row: Pick<AlarmRow, 'state' | 'active' | 'level'>): State {
  if (row.state === 'false' || row.state === 'settled') return 'ok'
  if (!row.active) return 'stale'
  return LEVELS[row.level] ?? 'unknown'
}

/** A device that should report and does not is unknown, never fine. */
export function stateOfDevice(row: Pick<DeviceRow, 'state' | 'online'>): State {
  if (row.state !== 'active') return 'stale'
  return row.online ? 'ok' : 'unknown'
}
