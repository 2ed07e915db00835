/** Cases: the lists, one case with its clocks and moves, and every move. */
import { body, http, ifMatch, once, type Schemas } from './client'

export type CaseRow = Schemas['CaseRow']
export type Case = Schemas['CaseOut']
export type CasePoint = Schemas['CasePoint']
export type Move = Schemas['MoveOut']
export type Timer = Schemas['TimerOut']
export type ClockNow = Schemas['ClockNow']
export type Stage = Schemas['StageOut']
export type FlowRow = Schemas['CaseFlowOut']
export type Evidence = Schemas['EvidenceOut']
export type EvidenceKind = Schemas['EvidenceIn']['kind']
export type CaseReport = Schemas['CaseIn']
export type Moved = Schemas['CaseMoved']
export type Tab = 'mine' | 'open' | 'soon' | 'overdue' | 'closed'

export interface CaseFilter {
  area?: string
  kind?: 'component' | 'event'
  text?: string
}

export const worklist = (
  tab: Tab,
  filter: CaseFilter,
  cursor: string | null,
  limit = 50,
): Promise<Schemas['Page_CaseRow_']> =>
  body(http.GET('/api/v1/cases/worklist', { params: { query: { tab, ...filter, limit, ...(cursor ? { cursor } : {}) } } }))

export const caseCounts = (filter: CaseFilter): Promise<Schemas['CaseCounts']> =>
  body(http.GET('/api/v1/cases/counts', { params: { query: filter } }))

export const casePoints = (): Promise<CasePoint[]> => body(http.GET('/api/v1/cases/points'))

export const casesAround = (case_id: number): Promise<CasePoint[]> =>
  body(http.GET('/api/v1/cases/{case_id}/around', { params: { path: { case_id } } }))

export const oneCase = (case_id: number): Promise<Case> =>
  body(http.GET('/api/v1/cases/{case_id}', { params: { path: { case_id } } }))

export const conditions = (category: string | null): Promise<Schemas['ConditionRow'][]> =>
  body(http.GET('/api/v1/cases/conditions', { params: { query: category ? { category } : {} } }))

export const sources = (): Promise<Schemas['SourceRow'][]> => body(http.GET('/api/v1/cases/sources'))

export const unitsForCase = (case_id: number): Promise<Schemas['UnitSuggestion'][]> =>
  body(http.GET('/api/v1/cases/{case_id}/units', { params: { path: { case_id } } }))

/** Report a case; the same key again gives the same case. */
export const report = (sent: CaseReport, key: string): Promise<Moved> =>
  body(http.POST('/api/v1/cases', { body: sent, headers: once(key) }))

/** What a move may carry; the server takes from it what the move asks for and refuses the rest. */
export interface MoveIn {
  opinion?: string
  condition?: string
  unit_id?: number
  criterion_met?: boolean
  evidence?: { attachment_id: number; kind: EvidenceKind }[]
  lon?: number
  lat?: number
  address?: string
}

/** Make a move by its route, as the case itself lists it. */
export const move = (case_id: number, route: string, version: number, sent: MoveIn): Promise<Moved> =>
  body(
    // Every move has this form of address; which one it is, the server says.
    http.POST(`/api/v1/cases/{case_id}/${route}` as '/api/v1/cases/{case_id}/accept', {
      params: { path: { case_id } },
      body: sent as Schemas['CaseAcceptIn'],
      headers: { ...ifMatch(version), ...once() },
    }),
  )

export const comment = (case_id: number, text: string): Promise<unknown> =>
  body(
    http.POST('/api/v1/cases/{case_id}/comment', { params: { path: { case_id } }, body: { text }, headers: once() }),
  )

export const evidenceUrl = (case_id: number, evidence_id: number): string =>
  `/api/v1/cases/${String(case_id)}/evidence/${String(evidence_id)}`

/** The cases that a unit's rates of a period are counted from. */
export const dueCases = (unit: string, start: string, end: string, as_of: string): Promise<Schemas['Page_DueCase_']> =>
  body(http.GET('/api/v1/cases/evaluation/due', { params: { query: { unit, start, end, as_of, limit: 200 } } }))
