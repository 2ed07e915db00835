/** The rules of the house, each proven by a planted violation. */
import { ESLint } from 'eslint'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ROOT } from './files'

const eslint = new ESLint({ cwd: ROOT })

async function rulesBroken(file: string, text: string): Promise<string[]> {
  const [result] = await eslint.lintText(text, { filePath: join(ROOT, 'src', file) })
  return (result?.messages ?? []).map((message) => message.ruleId ?? message.message)
}
const vue = (script: string): string => `<script setup lang="ts">\n${script}\n</script>\n\n<template>\n  <p />\n</template>\n`

describe('modules stay apart', () => {
  it.each([
    ['modules/cases/List.vue', vue("import '@/modules/intake/List.vue'")],
    ['modules/cases/list.ts', "export { rows } from '../intake/rows'\n"],
    ['modules/cases/list.ts', "export const page = () => import('@/modules/intake/List.vue')\n"],
    ['ui/Panel.vue', vue("import '@/modules/cases/rows'")],
    ['stores/session.ts', "import '../shell/router'\n"],
  ])('%s may not reach up or sideways', async (file, text) => {
    expect(await rulesBroken(file, text)).toContain('house/modules-apart')
  })
  it.each([
    ['modules/cases/list.ts', "import './rows'\nimport '@/ui/formats'\nimport '@/api/cases'\n"],
    ['shell/router.ts', "import '@/modules/cases/routes'\n"],
  ])('%s may use what stands below it', async (file, text) => {
    expect(await rulesBroken(file, text)).not.toContain('house/modules-apart')
  })
})

describe('only api/ talks to the server', () => {
  it.each([
    ['modules/cases/list.ts', "void fetch('/api/v1/cases')\n"],
    ['stores/live.ts', "export const source = new EventSource('/x')\n"],
    ['ui/map/style.ts', "void window.fetch('/x')\n"],
    ['shell/search.ts', 'export const r = new XMLHttpRequest()\n'],
    ['shell/search.ts', "navigator.sendBeacon('/x')\n"],
    ['modules/cases/list.ts', "import createClient from 'openapi-fetch'\nvoid createClient\n"],
  ])('%s may not', async (file, text) => {
    expect(await rulesBroken(file, text)).toContain('house/only-api-fetches')
  })
  it('api may, and a method of that name is something else', async () => {
    expect(await rulesBroken('api/cases.ts', "void fetch('/api/v1/cases')\n")).not.toContain('house/only-api-fetches')
    expect(await rulesBroken('stores/x.ts', 'export const x = (a: { fetch: () => void }) => { a.fetch() }\n')).not.toContain(
      'house/only-api-fetches',
    )
  })
})

describe('files stay readable', () => {
  it('a file of more than 300 lines is refused', async () => {
    const long = Array.from({ length: 301 }, (_, n) => `export const a${String(n)} = ${String(n)}`).join('\n')
    expect(await rulesBroken('ui/long.ts', `${long}\n`)).toContain('max-lines')
  })
})
