/** The front end's own source files, for the tests that read them; what is generated from the API is not ours. */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join, relative } from 'node:path'

export const ROOT = join(import.meta.dirname, '..')
const SOURCE = join(ROOT, 'src')

export function sources(ending: RegExp): { name: string; text: string }[] {
  const found: { name: string; text: string }[] = []
  const walk = (folder: string): void => {
    for (const entry of readdirSync(folder)) {
      const path = join(folder, entry)
      if (statSync(path).isDirectory()) walk(path)
      else if (ending.test(entry) && entry !== 'schema.d.ts') found.push({ name: relative(SOURCE, path), text: readFileSync(path, 'utf8') })
    }
  }
  walk(SOURCE)
  return found
}
