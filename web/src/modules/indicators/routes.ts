import type { RouteRecordRaw } from 'vue-router'

export const indicatorsRoutes: RouteRecordRaw[] = [
  {
    path: '/indicators/:code?',
    name: 'indicators',
    component: () => import('./Indicators.vue'),
    meta: { permissions: ['indicators.read_values'] },
  },
]
