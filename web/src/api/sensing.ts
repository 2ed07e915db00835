/** Sensing: devices, their series, alarms, and the readings that were refused. */
import { body, http, ifMatch, once, type Schemas } from './client'

export type DeviceRow = Schemas['DeviceRow']
export type Device = Schemas['DeviceOut']
export type DevicePoint = Schemas['DevicePoint']
export type DeviceType = Schemas['DeviceTypeRow']
export type Stream = Schemas['StreamOut']
export type Series = Schemas['SeriesOut']
export type AlarmRow = Schemas['AlarmRow']
export type Alarm = Schemas['AlarmOut']
export type RuleRow = Schemas['RuleRow']
export type Trial = Schemas['TrialOut']
export type TrialIn = Schemas['TrialIn']
export type RejectedRow = Schemas['RejectedRow']
export type RejectedCount = Schemas['RejectedCountRow']
export type AccountingRow = Schemas['AccountingRow']
export type Grain = 'auto' | 'raw' | 'hour' | 'day'

const given = <T extends object>(values: T): Partial<T> =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== '' && value !== null && value !== undefined)) as Partial<T>

export interface DeviceFilter {
  type?: string
  state?: string
  area?: string
  online?: boolean
  search?: string
}

export const deviceTypes = (): Promise<DeviceType[]> => body(http.GET('/api/v1/sensing/types'))

export const devices = (filter: DeviceFilter, cursor: string | null, limit = 50): Promise<Schemas['Page_DeviceRow_']> =>
  body(http.GET('/api/v1/sensing/devices', { params: { query: { ...given(filter), limit, ...(cursor ? { cursor } : {}) } } }))

export const devicePoints = (type?: string): Promise<DevicePoint[]> =>
  body(http.GET('/api/v1/sensing/devices/points', { params: { query: type ? { type } : {} } }))

export const device = (device_id: number): Promise<Device> =>
  body(http.GET('/api/v1/sensing/devices/{device_id}', { params: { path: { device_id } } }))

export const series = (datastream_id: number, start: string, end: string): Promise<Series> =>
  body(
    http.GET('/api/v1/sensing/datastreams/{datastream_id}/series', {
      params: { path: { datastream_id }, query: { start, end, grain: 'auto' } },
    }),
  )

export interface AlarmFilter {
  state?: string
  level?: string
  active?: boolean
  device_id?: number
  kept?: 'desk' | 'shelved' | 'suppressed' | 'flapping'
  suppressed_by?: number
}

export const alarms = (filter: AlarmFilter, cursor: string | null, limit = 50): Promise<Schemas['Page_AlarmRow_']> =>
  body(http.GET('/api/v1/sensing/alarms', { params: { query: { ...given(filter), limit, ...(cursor ? { cursor } : {}) } } }))

export const alarm = (alarm_id: number): Promise<Alarm> =>
  body(http.GET('/api/v1/sensing/alarms/{alarm_id}', { params: { path: { alarm_id } } }))

export const acknowledge = (alarm_id: number, version: number, opinion: string) =>
  body(
    http.POST('/api/v1/sensing/alarms/{alarm_id}/acknowledge', {
      params: { path: { alarm_id } },
      body: { opinion },
      headers: { ...ifMatch(version), ...once() },
    }),
  )

export const refute = (alarm_id: number, version: number, opinion: string) =>
  body(
    http.POST('/api/v1/sensing/alarms/{alarm_id}/refute', {
      params: { path: { alarm_id } },
      body: { opinion },
      headers: { ...ifMatch(version), ...once() },
    }),
  )

export const shelve = (alarm_id: number, version: number, reason: string, until: string) =>
  body(
    http.POST('/api/v1/sensing/alarms/{alarm_id}/shelve', {
      params: { path: { alarm_id } },
      body: { reason, until },
      headers: { ...ifMatch(version), ...once() },
    }),
  )

export const unshelve = (alarm_id: number) =>
  body(http.POST('/api/v1/sensing/alarms/{alarm_id}/unshelve', { params: { path: { alarm_id } }, headers: once() }))

export const changeDeviceState = (device_id: number, state: Schemas['StateIn']['state']) =>
  body(
    http.POST('/api/v1/sensing/devices/{device_id}/state', {
      params: { path: { device_id } },
      body: { state },
      headers: once(),
    }),
  )

export const issueCredential = (device_id: number): Promise<Schemas['CredentialOut']> =>
  body(http.POST('/api/v1/sensing/devices/{device_id}/credential', { params: { path: { device_id } }, headers: once() }))

export const revokeCredential = (device_id: number) =>
  body(http.POST('/api/v1/sensing/devices/{device_id}/credential/revoke', { params: { path: { device_id } }, headers: once() }))

export const rules = (cursor: string | null): Promise<Schemas['Page_RuleRow_']> =>
  body(http.GET('/api/v1/sensing/rules', { params: { query: { limit: 200, ...(cursor ? { cursor } : {}) } } }))

export const tryRule = (wanted: TrialIn): Promise<Trial> => body(http.POST('/api/v1/sensing/rules/try', { body: wanted }))

export type RuleWanted = Schemas['RuleWanted']

export const setRule = (rule: RuleWanted, version?: number): Promise<Schemas['RuleSet']> =>
  body(http.POST('/api/v1/sensing/rules', { body: rule, headers: { ...(version === undefined ? {} : ifMatch(version)), ...once() } }))

export const endRule = (code: string) =>
  body(http.POST('/api/v1/sensing/rules/{code}/end', { params: { path: { code } }, headers: once() }))

export const rejected = (
  filter: { device_key?: string; reason?: string },
  cursor: string | null,
): Promise<Schemas['Page_RejectedRow_']> =>
  body(http.GET('/api/v1/sensing/rejected', { params: { query: { ...given(filter), ...(cursor ? { cursor } : {}) } } }))

export const rejectedCounts = (start_day: string, end_day: string): Promise<RejectedCount[]> =>
  body(http.GET('/api/v1/sensing/rejected/counts', { params: { query: { start_day, end_day } } }))

export const accounting = (
  day: string,
  filter: { source?: string; device_key?: string; gap?: boolean },
  cursor: string | null,
): Promise<Schemas['Page_AccountingRow_']> =>
  body(http.GET('/api/v1/sensing/accounting', { params: { query: { day, ...given(filter), ...(cursor ? { cursor } : {}) } } }))

export const accountingSums = (start_day: string, end_day: string): Promise<Schemas['AccountingSum'][]> =>
  body(http.GET('/api/v1/sensing/accounting/sums', { params: { query: { start_day, end_day } } }))

export const accountingProofs = (start_day: string, end_day: string): Promise<Schemas['AccountingProof'][]> =>
  body(http.GET('/api/v1/sensing/accounting/proofs', { params: { query: { start_day, end_day } } }))
