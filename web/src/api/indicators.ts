/** Vital signs of the city, its health index, and what each figure is made of. */
import { body, http, type Schemas } from './client'

export type VitalSign = Schemas['VitalSign']
export type HealthIndex = Schemas['HealthIndex']
export type DistrictIndex = Schemas['DistrictIndex']
export type Indicator = Schemas['IndicatorOut']
export type IndicatorRow = Schemas['IndicatorRow']
export type IndicatorValue = Schemas['ValueOut']
export type Thresholds = Schemas['ThresholdsOut']

const at = (area?: string): { area?: string } => (area ? { area } : {})

export const indicators = (cursor: string | null): Promise<Schemas['Page_IndicatorRow_']> =>
  body(http.GET('/api/v1/indicators', { params: { query: { limit: 200, ...(cursor ? { cursor } : {}) } } }))

export const signs = (area?: string): Promise<VitalSign[]> =>
  body(http.GET('/api/v1/indicators/signs', { params: { query: at(area) } }))

export const health = (area?: string): Promise<HealthIndex> =>
  body(http.GET('/api/v1/indicators/health', { params: { query: at(area) } }))

export const districts = (): Promise<DistrictIndex[]> => body(http.GET('/api/v1/indicators/districts'))

export const indicator = (code: string, area?: string, start?: string, end?: string): Promise<Indicator> =>
  body(
    http.GET('/api/v1/indicators/{code}', {
      params: { path: { code }, query: { ...at(area), ...(start ? { start } : {}), ...(end ? { end } : {}) } },
    }),
  )

export const indicatorValues = (
  code: string,
  area: string | undefined,
  cursor: string | null,
): Promise<Schemas['Page_ValueOut_']> =>
  body(
    http.GET('/api/v1/indicators/{code}/values', {
      params: { path: { code }, query: { ...at(area), ...(cursor ? { cursor } : {}) } },
    }),
  )
