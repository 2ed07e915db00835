import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { CENTRES, centresFor } from '@/shell/navigation'
import zh from '@/locales/zh-CN'
import { placeOf } from '@/ui/places'
import { ROOT } from './files'

const having = (...names: string[]) => (name: string) => names.includes(name)

describe('what a post sees', () => {
  it('sees no entry that it may not open, and no centre that would be empty', () => {
    expect(centresFor(having())).toEqual([])
    const seen = centresFor(having('core.read_audit'))
    expect(seen.map((centre) => centre.name)).toEqual(['running'])
    expect(seen[0]?.entries.map((entry) => entry.name)).toEqual(['audit'])
  })
  it('sees every entry with every permission', () => {
    const all = CENTRES.flatMap((centre) => centre.entries.flatMap((entry) => entry.permissions))
    expect(centresFor(having(...all))).toEqual(CENTRES)
  })
  it('opens a subject only with the permission to read it', () => {
    expect(placeOf('cases:5', having('cases.read_cases'))).toBe('/cases/5')
    expect(placeOf('cases:5', having())).toBeNull()
    expect(placeOf('sensing:12', having('sensing.read_alarms'))).toBe('/sensing/alarms/12')
    expect(placeOf('sensing:device-3', having('sensing.read_devices'))).toBe('/sensing/devices/3')
    expect(placeOf('core:notice-3', () => true)).toBeNull()
    expect(placeOf('cases:5x', () => true)).toBeNull()
  })
})

describe('names of permissions', () => {
  it('are there for every permission that a route asks for, so that nobody reads a code', () => {
    const told = readFileSync(join(ROOT, '../tests/snapshots/openapi.json'), 'utf8')
    const asked = new Set([...told.matchAll(/"x-permission": "([a-z_.]+)"/g)].map((match) => match[1] ?? ''))
    const names = zh.permissions as Record<string, Record<string, string>>
    const missing = [...asked].filter((code) => {
      const [module = '', verb = ''] = code.split('.')
      return !names[module]?.[verb]
    })
    expect(asked.size).toBeGreaterThan(40)
    expect(missing).toEqual([])
  })
})
