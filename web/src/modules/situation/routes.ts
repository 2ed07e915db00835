import type { RouteRecordRaw } from 'vue-router'

export const situationRoutes: RouteRecordRaw[] = [
  {
    path: '/situation',
    name: 'situation',
    component: () => import('./Situation.vue'),
    meta: { permissions: ['spatial.read_map'] },
  },
]
