import type { RouteRecordRaw } from 'vue-router'

export const intakeRoutes: RouteRecordRaw[] = [
  {
    path: '/intake/:id(\\d+)?',
    name: 'intake',
    component: () => import('./Intake.vue'),
    meta: { permissions: ['intake.read_situations'] },
  },
]
