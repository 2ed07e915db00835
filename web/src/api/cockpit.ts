/** What the cockpit shows, in one answer; a part that the viewer may not see is null. */
import { body, http, type Schemas } from './client'

export type Overview = Schemas['Overview']
export type Need = Schemas['Need']
export type Needs = Schemas['Needs']
export type News = Schemas['News']
export type Sources = Schemas['Sources']
export type Devices = Schemas['Devices']
export type Evaluation = Schemas['Evaluation']
export type EvaluationRow = Schemas['EvaluationRow']

export const overview = (): Promise<Overview> => body(http.GET('/api/v1/cockpit/overview'))
