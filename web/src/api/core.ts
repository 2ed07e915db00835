/** The kernel: session, clock, directory, notices, timeline, calendar, audit, files. */
import { body, everyPage, http, once, type Schemas } from './client'

export type Session = Schemas['SessionOut']
export type Post = Schemas['PostOut']
export type City = Schemas['CityOut']
export type Clock = Schemas['ClockOut']
export type Text = Schemas['TextOut']
export type Notice = Schemas['NoticeRow']
export type Organisation = Schemas['OrganisationRow']
export type Area = Schemas['AreaRow']
export type Category = Schemas['CategoryRow']
export type AuditRow = Schemas['AuditRow']
export type Delivery = Schemas['DeliveryRow']
export type CalendarYear = Schemas['CalendarOut']
export type SearchAnswer = Schemas['SearchOut']
export type Attachment = Schemas['AttachmentOut']

export const session = (): Promise<Session> => body(http.GET('/api/v1/core/session'))

export const login = (username: string, password: string): Promise<Session> =>
  body(http.POST('/api/v1/core/login', { body: { username, password } }))

export const logout = (): Promise<unknown> => body(http.POST('/api/v1/core/logout'))

export const changePassword = (old: string, password: string): Promise<unknown> =>
  body(http.POST('/api/v1/core/password', { body: { old, new: password } }))

export const choosePost = (post_id: number): Promise<Session> =>
  body(http.POST('/api/v1/core/post', { body: { post_id } }))

export const joinRun = (run_id: number): Promise<unknown> =>
  body(http.POST('/api/v1/core/runs/{run_id}/show', { params: { path: { run_id } } }))

export const clock = (): Promise<Clock> => body(http.GET('/api/v1/core/clock'))

/** Whole lists of the directory, for choices: they are read page by page. */
export const organisations = (kind?: string): Promise<Organisation[]> =>
  everyPage((paging) =>
    body(http.GET('/api/v1/core/organisations', { params: { query: { ...paging, ...(kind ? { kind } : {}) } } })),
  )

export const areas = (level?: string, parent?: string): Promise<Area[]> =>
  everyPage((paging) =>
    body(
      http.GET('/api/v1/core/areas', {
        params: { query: { ...paging, ...(level ? { level } : {}), ...(parent ? { parent } : {}) } },
      }),
    ),
  )

export const categories = (): Promise<Category[]> =>
  everyPage((paging) => body(http.GET('/api/v1/core/categories', { params: { query: paging } })))

/** What the post may see whose texts contain every word; a few of each kind. */
export const search = (q: string): Promise<SearchAnswer> =>
  body(http.GET('/api/v1/core/search', { params: { query: { q } } }))

export const calendar = (year: number): Promise<CalendarYear> =>
  body(http.GET('/api/v1/core/calendar/{year}', { params: { path: { year } } }))

export const editCalendar = (year: number, off: string[], work: string[], note: string): Promise<CalendarYear> =>
  body(http.PUT('/api/v1/core/calendar/{year}', { params: { path: { year } }, body: { off, work, note } }))

export const notices = (unread: boolean, cursor?: string): Promise<Schemas['Page_NoticeRow_']> =>
  body(
    http.GET('/api/v1/core/notices', { params: { query: { unread, limit: 30, ...(cursor ? { cursor } : {}) } } }),
  )

export const readNotice = (notice_id: number): Promise<unknown> =>
  body(http.POST('/api/v1/core/notices/{notice_id}/read', { params: { path: { notice_id } } }))

export interface AuditFilter {
  subject?: string
  action?: string
  user?: string
  kind?: string
  outcome?: string
  since?: string
  until?: string
}

export const audit = (filter: AuditFilter, cursor: string | null): Promise<Schemas['Page_AuditRow_']> =>
  body(http.GET('/api/v1/core/audit', { params: { query: { ...filter, ...(cursor ? { cursor } : {}) } } }))

export const parked = (cursor?: string): Promise<Schemas['Page_DeliveryRow_']> =>
  body(http.GET('/api/v1/core/deliveries', { params: { query: cursor ? { cursor } : {} } }))

export const retryDelivery = (delivery_id: number): Promise<unknown> =>
  body(http.POST('/api/v1/core/deliveries/{delivery_id}/retry', { params: { path: { delivery_id } } }))

export const timeline = (subject: string, cursor?: string): Promise<Schemas['Page_FactOut_']> =>
  body(
    http.GET('/api/v1/core/facts', {
      params: { query: { subject, limit: 100, ...(cursor ? { cursor } : {}) } },
    }),
  )

/** Hand in a file; the answer's id is what an action names. */
export function handIn(file: File, at?: { lon: number; lat: number }): Promise<Attachment> {
  const form = new FormData()
  form.append('file', file)
  return body(
    http.POST('/api/v1/core/attachments', {
      params: { query: at ? { lon: at.lon, lat: at.lat } : {} },
      body: form as unknown as { file: string },
      bodySerializer: (value: unknown) => value as FormData,
      headers: once(),
    }),
  )
}

export const attachmentUrl = (id: number): string => `/api/v1/core/attachments/${String(id)}`

/** See a person in plain, for a reason that the audit keeps. */
export const plainPerson = (contact_id: number, reason: string): Promise<Schemas['PersonOut']> =>
  body(http.POST('/api/v1/core/contacts/{contact_id}/plain', { params: { path: { contact_id } }, body: { reason } }))
