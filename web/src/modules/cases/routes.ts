import type { RouteRecordRaw } from 'vue-router'

export const casesRoutes: RouteRecordRaw[] = [
  {
    path: '/cases/:id(\\d+)?',
    name: 'cases',
    component: () => import('./Cases.vue'),
    meta: { permissions: ['cases.read_cases'] },
  },
]
