import { parse } from '@vue/compiler-sfc'
import { describe, expect, it } from 'vitest'
import en from '@/locales/en'
import zh from '@/locales/zh-CN'
import { sources } from './files'

type Words = Record<string, unknown>

function leaves(words: Words, before = ''): Map<string, string> {
  const found = new Map<string, string>()
  for (const [key, value] of Object.entries(words)) {
    const name = before ? `${before}.${key}` : key
    if (typeof value === 'string') found.set(name, value)
    else for (const [inner, text] of leaves(value as Words, name)) found.set(inner, text)
  }
  return found
}

const places = (text: string): string[] => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? '').sort()
const HAN = /\p{Script=Han}/u

/** A word; units such as m or % are signs. */
const WORD = /\p{Script=Han}|\p{L}{2}/u
const NAMES = ['title', 'placeholder', 'aria-label', 'alt', 'label', 'text', 'note', 'aside']

interface Node {
  type: number
  tag?: string
  content?: unknown
  children?: Node[]
  branches?: Node[]
  props?: { type: number; name: string; value?: { content: string } }[]
}

/** The words that stand in a template instead of in the catalogues. */
function literals(source: string): string[] {
  const found: string[] = []
  const walk = (node: Node): void => {
    if (node.tag === 'kbd') return // names of keys are the same in every language
    if (node.type === 2 && typeof node.content === 'string' && WORD.test(node.content)) found.push(node.content.trim())
    for (const prop of node.props ?? []) {
      if (prop.type === 6 && NAMES.includes(prop.name) && WORD.test(prop.value?.content ?? '')) {
        found.push(`${prop.name}="${prop.value?.content ?? ''}"`)
      }
    }
    for (const child of [...(node.children ?? []), ...(node.branches ?? [])]) walk(child)
  }
  const ast = parse(source).descriptor.template?.ast
  if (ast) walk(ast as unknown as Node)
  return found
}

describe('the two languages', () => {
  const chinese = leaves(zh)
  const english = leaves(en)
  it('have the same keys', () => {
    expect([...english.keys()].sort()).toEqual([...chinese.keys()].sort())
  })
  it('name the same places in each message', () => {
    for (const [key, text] of chinese) expect([key, places(english.get(key) ?? '')]).toEqual([key, places(text)])
  })
  it('are what they say', () => {
    for (const [key, text] of english) {
      if (!/language/.test(key)) expect([key, HAN.test(text)]).toEqual([key, false])
    }
    for (const text of [...chinese.values(), ...english.values()]) expect(text.trim()).not.toBe('')
  })
  it('use no sign that the message format would read as its own', () => {
    for (const [key, text] of [...chinese, ...english]) expect([key, /[@|]/.test(text)]).toEqual([key, false])
  })
})

describe('templates', () => {
  it('hold no words of any language', () => {
    const found = sources(/\.vue$/).flatMap(({ name, text }) => literals(text).map((words) => `${name}: ${words}`))
    expect(found).toEqual([])
  })
  it('are caught when they do', () => {
    expect(literals('<template><p>案件</p></template>')).toEqual(['案件'])
    expect(literals('<template><p v-if="a">Cases</p><p v-else title="Open">1</p></template>')).toEqual(['Cases', 'title="Open"'])
    expect(literals('<template><p>{{ t("x") }} · —</p></template>')).toEqual([])
  })
  it('and scripts hold no Chinese outside the catalogues', () => {
    const found = sources(/\.(ts|vue)$/).filter(({ name, text }) => !name.startsWith('locales') && name !== 'api/schema.d.ts' && HAN.test(text))
    expect(found.map(({ name }) => name)).toEqual([])
  })
})

describe('keys used in the code', () => {
  const KEY = /\bt\('([a-z_]+(?:\.[A-Za-z0-9_-]+)+)'/g
  it('stand in the catalogue', () => {
    const known = leaves(zh)
    const missing = sources(/\.(ts|vue)$/).flatMap(({ name, text }) =>
      [...text.matchAll(KEY)].map((match) => match[1] ?? '').filter((key) => !known.has(key)).map((key) => `${name}: ${key}`),
    )
    expect(missing).toEqual([])
  })
})
