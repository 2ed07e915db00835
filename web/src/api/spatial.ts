/** Space: the outlines of areas and what the base map draws. */
import { body, http, type Schemas } from './client'

export type FeatureCollection = Schemas['FeatureCollection']
export type Feature = Schemas['Feature']

const kept = new Map<string, Promise<FeatureCollection>>()

/** Shapes change with the city pack only: ask once per page. A failure is asked again. */
function once(key: string, ask: () => Promise<FeatureCollection>): Promise<FeatureCollection> {
  let found = kept.get(key)
  if (!found) {
    found = ask()
    kept.set(key, found)
    found.catch(() => kept.delete(key))
  }
  return found
}

export const areaShapes = (level: string, parent?: string): Promise<FeatureCollection> =>
  once(`areas/${level}/${parent ?? ''}`, () =>
    body(http.GET('/api/v1/spatial/areas', { params: { query: { level, ...(parent ? { parent } : {}) } } })),
  )

export const mapFeatures = (): Promise<FeatureCollection> =>
  once('map', () => body(http.GET('/api/v1/spatial/map')))

/** Forget the shapes, e.g. after another person signed in. */
export const forgetShapes = (): void => {
  kept.clear()
}
