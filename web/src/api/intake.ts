/** Intake: situations, their signals, and what a person decides about them. */
import { body, http, ifMatch, once, type Schemas } from './client'

export type SituationRow = Schemas['SituationRow']
export type Situation = Schemas['SituationOut']
export type Signal = Schemas['SignalRow']
export type Proposal = Schemas['ProposalOut']
export type Nearby = Schemas['NearbyOut']
export type Reason = Schemas['ReasonOut']
export type SituationPoint = Schemas['PointOut']
export type SituationState = 'open' | 'accepted' | 'handed_over' | 'dismissed' | 'settled' | 'merged'
export type DismissReason = Schemas['DismissReason']

export interface SituationFilter {
  state?: SituationState
  text?: string
  area?: string
  level?: number
}

export const situations = (
  filter: SituationFilter,
  cursor: string | null,
  limit = 50,
): Promise<Schemas['Page_SituationRow_']> =>
  body(http.GET('/api/v1/intake/situations', { params: { query: { ...filter, limit, ...(cursor ? { cursor } : {}) } } }))

export const situation = (situation_id: number): Promise<Situation> =>
  body(http.GET('/api/v1/intake/situations/{situation_id}', { params: { path: { situation_id } } }))

export const situationCounts = (filter: SituationFilter): Promise<Schemas['CountsOut']> =>
  body(http.GET('/api/v1/intake/situations/counts', { params: { query: filter } }))

export const situationPoints = (): Promise<SituationPoint[]> => body(http.GET('/api/v1/intake/situations/points'))

export const lastHour = (): Promise<Schemas['LastHourOut']> => body(http.GET('/api/v1/intake/last-hour'))

export const accept = (situation_id: number, version: number, category: string | null, opinion: string) =>
  body(
    http.POST('/api/v1/intake/situations/{situation_id}/accept', {
      params: { path: { situation_id } },
      body: { opinion, ...(category ? { category } : {}) },
      headers: { ...ifMatch(version), ...once() },
    }),
  )

export const dismiss = (situation_id: number, version: number, reason: DismissReason, opinion: string) =>
  body(
    http.POST('/api/v1/intake/situations/{situation_id}/dismiss', {
      params: { path: { situation_id } },
      body: { reason, opinion },
      headers: { ...ifMatch(version), ...once() },
    }),
  )

export const merge = (situation_id: number, into: number, version: number) =>
  body(
    http.POST('/api/v1/intake/situations/{situation_id}/merge', {
      params: { path: { situation_id } },
      body: { situation_id: into },
      headers: { ...ifMatch(version), ...once() },
    }),
  )

export const separate = (signal_id: number, version: number) =>
  body(
    http.POST('/api/v1/intake/signals/{signal_id}/separate', {
      params: { path: { signal_id } },
      headers: { ...ifMatch(version), ...once() },
    }),
  )

export const undo = (join_id: number, version: number) =>
  body(
    http.POST('/api/v1/intake/joins/{join_id}/undo', {
      params: { path: { join_id } },
      headers: { ...ifMatch(version), ...once() },
    }),
  )

export const confirm = (proposal_id: number) =>
  body(http.POST('/api/v1/intake/proposals/{proposal_id}/confirm', { params: { path: { proposal_id } }, headers: once() }))

export const reject = (proposal_id: number) =>
  body(http.POST('/api/v1/intake/proposals/{proposal_id}/reject', { params: { path: { proposal_id } }, headers: once() }))
