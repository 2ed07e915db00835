import type { RouteRecordRaw } from 'vue-router'

export const settingsRoutes: RouteRecordRaw[] = [
  {
    path: '/settings',
    component: () => import('./Settings.vue'),
    meta: { permissions: ['core.read_calendar', 'core.read_audit', 'core.read_deliveries'] },
    children: [
      { path: '', name: 'settings', component: () => import('./SettingsHome.vue') },
      {
        path: 'calendar/:year?',
        name: 'calendar',
        component: () => import('./Calendar.vue'),
        meta: { permissions: ['core.read_calendar'] },
      },
      {
        path: 'audit',
        name: 'audit',
        component: () => import('./Audit.vue'),
        meta: { permissions: ['core.read_audit'] },
      },
      {
        path: 'deliveries',
        name: 'deliveries',
        component: () => import('./Deliveries.vue'),
        meta: { permissions: ['core.read_deliveries'] },
      },
    ],
  },
]
