/** Lists as files: asked for with the rights and the language of the session, saved by the browser. */
import { identity } from './client'
import { problemOf } from './problems'

export type ExportForm = 'csv' | 'xlsx'

/** Fetch an export and hand it to the browser to save; the name it is saved under. Throws the server's problem. */
export async function download(path: string, query: Record<string, string | number | undefined>): Promise<string> {
  const given = Object.entries(query).filter((pair): pair is [string, string | number] => pair[1] !== undefined && pair[1] !== '')
  const words = new URLSearchParams(given.map(([name, value]) => [name, String(value)]))
  const answer = await fetch(`/api/v1${path}?${words.toString()}`, {
    credentials: 'same-origin',
    headers: { 'Accept-Language': identity.language === 'en' ? 'en' : 'zh-CN' },
  })
  if (!answer.ok) throw problemOf(answer.status, await answer.json().catch(() => null))
  const name = /filename="([^"]+)"/.exec(answer.headers.get('Content-Disposition') ?? '')?.[1] ?? 'export'
  const link = document.createElement('a')
  link.href = URL.createObjectURL(await answer.blob())
  link.download = name
  link.click()
  URL.revokeObjectURL(link.href)
  return name
}
