/** Administration: accounts, posts, grants, keys with their meters, runs, office hours. */
import { body, everyPage, http, once, type Schemas } from './client'

export type AccountRow = Schemas['AccountRow']
export type Account = Schemas['AccountOut']
export type Holding = Schemas['HoldingRow']
export type Grant = Schemas['GrantRow']
export type GrantIn = Schemas['GrantIn']
export type PostRow = Schemas['PostRow']
export type Permission = Schemas['PermissionRow']
export type KeyRow = Schemas['KeyRow']
export type KeyIn = Schemas['KeyIn']
export type MeterPoint = Schemas['MeterPoint']
export type RunRow = Schemas['RunRow']
export type RunIn = Schemas['RunIn']
export type OfficeHours = Schemas['OfficeHoursIn']

const page = (cursor: string | null): { cursor?: string } => (cursor ? { cursor } : {})

export interface AccountFilter {
  search?: string
  role?: string
  state?: 'active' | 'closed' | 'locked'
}

export const accounts = (filter: AccountFilter, cursor: string | null): Promise<Schemas['Page_AccountRow_']> =>
  body(http.GET('/api/v1/core/accounts', { params: { query: { ...filter, ...page(cursor) } } }))

export const account = (user_id: number): Promise<Account> =>
  body(http.GET('/api/v1/core/accounts/{user_id}', { params: { path: { user_id } } }))

export const createAccount = (payload: Schemas['AccountIn']): Promise<Schemas['Made']> =>
  body(http.POST('/api/v1/core/accounts', { body: payload, headers: once() }))

export const setPassword = (user_id: number, password: string): Promise<unknown> =>
  body(http.POST('/api/v1/core/accounts/{user_id}/password', { params: { path: { user_id } }, body: { password } }))

export const closeAccount = (user_id: number): Promise<unknown> =>
  body(http.POST('/api/v1/core/accounts/{user_id}/close', { params: { path: { user_id } } }))

/** Every post of today: a city has some hundreds, and a person finds one by typing. */
export const allPosts = (): Promise<PostRow[]> =>
  everyPage((paging) => body(http.GET('/api/v1/core/posts', { params: { query: paging } })))

export const givePost = (user_id: number, post: string, until: string | null): Promise<unknown> =>
  body(http.POST('/api/v1/core/accounts/{user_id}/posts', { params: { path: { user_id } }, body: { post, until }, headers: once() }))

export const takePost = (user_id: number, post: string): Promise<unknown> =>
  body(http.POST('/api/v1/core/accounts/{user_id}/posts/{post}/end', { params: { path: { user_id, post } } }))

export const permissions = (): Promise<Permission[]> => body(http.GET('/api/v1/core/permissions'))

export const grantPermission = (user_id: number, payload: GrantIn): Promise<unknown> =>
  body(http.POST('/api/v1/core/accounts/{user_id}/grants', { params: { path: { user_id } }, body: payload, headers: once() }))

export const withdrawGrant = (grant_id: number): Promise<unknown> =>
  body(http.POST('/api/v1/core/grants/{grant_id}/withdraw', { params: { path: { grant_id } } }))

export const keys = (state: 'valid' | 'ended' | 'revoked' | undefined, cursor: string | null): Promise<Schemas['Page_KeyRow_']> =>
  body(http.GET('/api/v1/core/keys', { params: { query: { ...(state ? { state } : {}), ...page(cursor) } } }))

export const keyMeters = (prefix: string, hours: number): Promise<MeterPoint[]> =>
  body(http.GET('/api/v1/core/keys/{prefix}/meters', { params: { path: { prefix }, query: { hours } } }))

export const issueKey = (payload: KeyIn): Promise<Schemas['KeyOut']> =>
  body(http.POST('/api/v1/core/keys', { body: payload, headers: once() }))

export const revokeKey = (prefix: string): Promise<unknown> =>
  body(http.POST('/api/v1/core/keys/{prefix}/revoke', { params: { path: { prefix } } }))

export const runs = (cursor: string | null): Promise<Schemas['Page_RunRow_']> =>
  body(http.GET('/api/v1/core/runs', { params: { query: page(cursor) } }))

export const startRun = (payload: RunIn): Promise<Schemas['Made']> =>
  body(http.POST('/api/v1/core/runs', { body: payload, headers: once() }))

export const endRun = (run_id: number): Promise<unknown> =>
  body(http.POST('/api/v1/core/runs/{run_id}/end', { params: { path: { run_id } } }))

export const editOfficeHours = (hours: OfficeHours[], work_day: 'rolling' | 'day_end', note: string): Promise<unknown> =>
  body(http.PUT('/api/v1/core/office-hours', { body: { hours, work_day, note } }))
