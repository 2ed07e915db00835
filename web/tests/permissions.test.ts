import { describe, expect, it } from 'vitest'
import { CENTRES, centresFor } from '@/shell/navigation'
import { placeOf } from '@/ui/places'

const having = (...names: string[]) => (name: string) => names.includes(name)

describe('what a post sees', () => {
  it('sees no entry that it may not open, and no centre that would be empty', () => {
    expect(centresFor(having())).toEqual([])
    const seen = centresFor(having('core.read_audit'))
    expect(seen.map((centre) => centre.name)).toEqual(['running'])
    expect(seen[0]?.entries.map((entry) => entry.name)).toEqual(['settings'])
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
