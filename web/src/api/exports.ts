/** Lists as files: asked for with the rights and the language of the session, saved by the browser. */
import { http } from './client'

export type ExportForm = 'csv' | 'xlsx'

/** Fetch an export and hand it to the browser to save; the name it is saved under. Throws the server's problem. */
export async function download(path: string, query: Record<string, string | number | undefined>): Promise<string> {
  const given = Object.fromEntries(Object.entries(query).filter(([, value]) => value !== undefined && value !== ''))
  // Every export has this form of address; which one it is, the screen says.
  const { data, response } = await http.GET(`/api/v1${path}` as '/api/v1/cases/worklist/export', { params: { query: given }, parseAs: 'blob' })
  const name = /filename="([^"]+)"/.exec(response.headers.get('Content-Disposition') ?? '')?.[1] ?? 'export'
  const link = document.createElement('a')
  link.href = URL.createObjectURL(data as unknown as Blob)
  link.download = name
  link.click()
  URL.revokeObjectURL(link.href)
  return name
}
