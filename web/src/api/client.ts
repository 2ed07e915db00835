/** The typed client of `/api/v1`, made from the server's own description. */
import createClient, { type Middleware } from 'openapi-fetch'
import type { components, paths } from './schema'
import { problemOf } from './problems'

export type Schemas = components['schemas']

export interface Identity {
  csrf: string
  language: 'zh' | 'en'
  /** The post and run that this page shows: a change from here is refused when the session has others by now. */
  post: number | null
  run: number | null
}

/** What every call carries; the session store sets it. */
export const identity: Identity = { csrf: '', language: 'zh', post: null, run: null }

let expired: () => void = () => undefined

/** Have `call` told when the server no longer knows who asks. */
export function onExpired(call: () => void): void {
  expired = call
}

let outdated: () => void = () => undefined

/** Have `call` told when the session was changed elsewhere, e.g. in another tab: what this page shows is not so. */
export function onOutdated(call: () => void): void {
  outdated = call
}

/** Refusals that tell a page that the session is another one than it shows. */
const OUTDATED = new Set(['other_post', 'other_run', 'run_ended', 'must_change_password'])

const carry: Middleware = {
  onRequest({ request }) {
    request.headers.set('Accept-Language', identity.language === 'en' ? 'en' : 'zh-CN')
    if (request.method !== 'GET') {
      request.headers.set('X-CSRFToken', identity.csrf)
      if (identity.post !== null) request.headers.set('SCOC-Post', String(identity.post))
      if (identity.run !== null) request.headers.set('SCOC-Run', String(identity.run))
    }
    return request
  },
  async onResponse({ response }) {
    if (response.ok) return response
    const body: unknown = await response.json().catch(() => null)
    const problem = problemOf(response.status, body)
    if (problem.code === 'not_signed_in') expired()
    if (OUTDATED.has(problem.code)) outdated()
    throw problem
  },
}

export const http = createClient<paths>({ baseUrl: '/', credentials: 'same-origin' })
http.use(carry)

/** The body of an answer; failures were thrown as problems before. */
export async function body<T>(call: Promise<{ data?: T; error?: unknown }>): Promise<T> {
  const { data } = await call
  return data as T
}

/** The header that names the version a change is based on. */
export const ifMatch = (version: number | null | undefined): Record<string, string> =>
  version === null || version === undefined ? {} : { 'If-Match': `"${String(version)}"` }

/** A new key for a call that may be sent again; `randomUUID` is missing where the page came without TLS. */
export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** The header that lets a call be sent twice and act once; with the key of a draft also after an answer was lost. */
export const once = (key = newKey()): Record<string, string> => ({ 'Idempotency-Key': key })

/** All rows of a list that stays short enough for a choice, read page by page. */
export async function everyPage<T>(
  ask: (paging: { limit: number; cursor?: string }) => Promise<{ items: T[]; next: string | null }>,
): Promise<T[]> {
  const rows: T[] = []
  let cursor: string | null = null
  do {
    const page: { items: T[]; next: string | null } = await ask({ limit: 500, ...(cursor ? { cursor } : {}) })
    rows.push(...page.items)
    cursor = page.next
  } while (cursor)
  return rows
}
