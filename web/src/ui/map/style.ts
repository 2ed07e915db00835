/** The built-in base map: areas, roads, water, bridges and neighbours of the city pack, drawn offline. */
import type { ExpressionSpecification, StyleSpecification } from 'maplibre-gl'
import type { FeatureCollection } from '@/api/spatial'

interface Colours {
  land: string
  sea: string
  shallow: string
  coast: string
  neighbour: string
  area: string
  ramp: [string, string, string, string]
  district: string
  street: string
  roadCase: string
  road: string
  roadSmall: string
  lattice: string
  bridge: string
  label: string
  waterLabel: string
  halo: string
}

const DARK: Colours = {
  land: '#161d25',
  sea: '#081622',
  shallow: '#0b1d2a',
  coast: '#7f95a0',
  neighbour: '#161d25',
  area: '#1a2530',
  ramp: ['#1a323d', '#1b4a50', '#246862', '#318a7c'],
  district: '#9fb4b8',
  street: 'rgba(159,180,184,0.16)',
  roadCase: '#10202a',
  road: '#4a6070',
  roadSmall: 'rgba(16,30,38,0.75)',
  lattice: 'rgba(159,180,184,0.10)',
  bridge: '#5d7282',
  label: '#b7c3ce',
  waterLabel: '#6d8296',
  halo: '#0b1016',
}

const LIGHT: Colours = {
  land: '#f1f0ea',
  sea: '#d5e4ec',
  shallow: '#e1ecf2',
  coast: '#8fa7b5',
  neighbour: '#f1f0ea',
  area: '#faf9f5',
  ramp: ['#f7f3ec', '#d4e0d8', '#a2c9c0', '#6fb0a6'],
  district: '#93a2ac',
  street: 'rgba(70,86,99,0.18)',
  roadCase: '#ffffff',
  road: '#cdba90',
  roadSmall: '#e3e1da',
  lattice: '#e9e7e0',
  bridge: '#cdba90',
  label: '#465663',
  waterLabel: '#54788c',
  halo: '#faf9f5',
}

export const colours = (dark: boolean): Colours => (dark ? DARK : LIGHT)

export const FONTS = ['Inter Variable', 'Noto Sans SC Variable', 'Noto Sans CJK SC', 'sans-serif']

const NOTHING: FeatureCollection = { type: 'FeatureCollection', features: [] }

/** The text of a feature in a language; the other one when it has none. */
export const nameIn = (language: string): ExpressionSpecification => {
  const [first, second] = language === 'en' ? ['name_en', 'name_zh'] : ['name_zh', 'name_en']
  return ['case', ['!=', ['get', first ?? ''], ''], ['get', first ?? ''], ['get', second ?? '']]
}

const kind = (...names: string[]): ExpressionSpecification => ['in', ['get', 'kind'], ['literal', names]]
const wide = (at10: number, at14: number): ExpressionSpecification => [
  'interpolate',
  ['exponential', 1.4],
  ['zoom'],
  9,
  at10,
  14,
  at14,
]

/** Chinese names of water and neighbours stand wide; Latin letters would fall apart. */
export const spacingIn = (language: string): ExpressionSpecification =>
  language === 'en' ? ['match', ['get', 'rank'], 1, 0.12, 0.02] : ['match', ['get', 'rank'], 1, 0.7, 2, 0.3, 0.04]

/** Sizes of labels of rank 1, 2 and others; `scale` is 1 on the screen that they are made for. */
export const labelSizes = (dark: boolean, scale: number): [number, number, number] =>
  dark ? [Math.max(13, 24 * scale), Math.max(12, 20 * scale), Math.max(11, 16 * scale)] : [17, 15, 13]

/** The style, with its sources still empty; the map fills them from the API. */
export function baseStyle(dark: boolean, language: string, scale = 1): StyleSpecification {
  const c = colours(dark)
  const [first, second, other] = labelSizes(dark, scale)
  const step: ExpressionSpecification = ['coalesce', ['feature-state', 'step'], 0]
  const label = (size: number | ExpressionSpecification): Record<string, unknown> => ({
    'text-field': nameIn(language),
    'text-font': FONTS,
    'text-size': size,
    'text-max-width': 12,
  })
  return {
    version: 8,
    sources: {
      base: { type: 'geojson', data: NOTHING as never },
      districts: { type: 'geojson', data: NOTHING as never, promoteId: 'code' },
      streets: { type: 'geojson', data: NOTHING as never },
    },
    layers: [
      { id: 'land', type: 'background', paint: { 'background-color': c.land } },
      { id: 'sea', type: 'fill', source: 'base', filter: kind('sea'), paint: { 'fill-color': c.sea } },
      {
        id: 'shallow',
        type: 'line',
        source: 'base',
        filter: kind('coast', 'island'),
        layout: { 'line-join': 'round', 'line-cap': 'round' },
        paint: { 'line-color': c.shallow, 'line-width': wide(16, 60) },
      },
      { id: 'neighbour', type: 'fill', source: 'base', filter: kind('neighbour'), paint: { 'fill-color': c.neighbour } },
      {
        id: 'districts',
        type: 'fill',
        source: 'districts',
        paint: {
          'fill-color': ['match', step, 1, c.ramp[0], 2, c.ramp[1], 3, c.ramp[2], 4, c.ramp[3], c.area],
          'fill-antialias': false,
        },
      },
      {
        id: 'streets',
        type: 'line',
        source: 'streets',
        paint: { 'line-color': c.street, 'line-width': 1 },
      },
      {
        id: 'lattice',
        type: 'line',
        source: 'base',
        minzoom: 9.5,
        filter: ['all', kind('road'), ['>=', ['get', 'rank'], 4]],
        paint: { 'line-color': c.lattice, 'line-width': wide(0.6, dark ? 2 : 5) },
      },
      {
        id: 'roads-small',
        type: 'line',
        source: 'base',
        filter: ['all', kind('road'), ['==', ['get', 'rank'], 2]],
        layout: { 'line-join': 'round', 'line-cap': 'round' },
        paint: { 'line-color': c.roadSmall, 'line-width': wide(1.6, 8) },
      },
      {
        id: 'river',
        type: 'fill',
        source: 'base',
        filter: kind('river', 'lake', 'water'),
        paint: { 'fill-color': c.sea },
      },
      {
        id: 'roads-case',
        type: 'line',
        source: 'base',
        filter: ['all', kind('road', 'bridge'), ['<=', ['get', 'rank'], 1]],
        layout: { 'line-join': 'round', 'line-cap': 'round' },
        paint: { 'line-color': c.roadCase, 'line-width': wide(4, 13) },
      },
      {
        id: 'roads',
        type: 'line',
        source: 'base',
        filter: ['all', kind('road'), ['<=', ['get', 'rank'], 1]],
        layout: { 'line-join': 'round', 'line-cap': 'round' },
        paint: { 'line-color': c.road, 'line-width': wide(1.6, 7) },
      },
      {
        id: 'bridge',
        type: 'line',
        source: 'base',
        filter: kind('bridge'),
        layout: { 'line-cap': 'round' },
        paint: { 'line-color': c.bridge, 'line-width': wide(1.8, 7) },
      },
      {
        id: 'district-lines',
        type: 'line',
        source: 'districts',
        layout: { 'line-join': 'round' },
        paint: { 'line-color': c.district, 'line-width': 1.2, 'line-opacity': dark ? 0.85 : 0.8 },
      },
      {
        id: 'road-names',
        type: 'symbol',
        source: 'base',
        minzoom: 12,
        filter: ['all', kind('road'), ['<=', ['get', 'rank'], 2], ['!=', ['get', 'name_zh'], '']],
        layout: { ...label(13), 'symbol-placement': 'line', 'symbol-spacing': 400 },
        paint: { 'text-color': c.label, 'text-halo-color': c.halo, 'text-halo-width': 1.5 },
      },
      {
        id: 'labels',
        type: 'symbol',
        source: 'base',
        filter: kind('label'),
        layout: {
          ...label(['match', ['get', 'rank'], 1, first, 2, second, other]),
          'text-letter-spacing': spacingIn(language),
        },
        paint: {
          'text-color': ['case', ['<=', ['get', 'rank'], 2], c.waterLabel, c.label],
          'text-halo-color': c.halo,
          'text-halo-width': 1.2,
        },
      },
    ],
  }
}
