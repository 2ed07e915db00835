import type { RouteRecordRaw } from 'vue-router'
import { TABS } from './tabs'

export const settingsRoutes: RouteRecordRaw[] = [
  {
    path: '/settings',
    component: () => import('./Settings.vue'),
    meta: { permissions: TABS.map((tab) => tab.permission) },
    children: [
      { path: '', name: 'settings', component: () => import('./SettingsHome.vue') },
      {
        path: 'calendar/:year(\\d{4})?',
        name: 'calendar',
        component: () => import('./Calendar.vue'),
        meta: { permissions: ['core.read_calendar'] },
      },
      {
        path: 'accounts',
        name: 'accounts',
        component: () => import('./Accounts.vue'),
        meta: { permissions: ['core.read_accounts'] },
      },
      {
        path: 'accounts/:id(\\d+)',
        name: 'account',
        component: () => import('./AccountPage.vue'),
        meta: { permissions: ['core.read_accounts'] },
      },
      {
        path: 'keys',
        name: 'keys',
        component: () => import('./Keys.vue'),
        meta: { permissions: ['core.read_keys'] },
      },
      {
        path: 'runs',
        name: 'runs',
        component: () => import('./Runs.vue'),
        meta: { permissions: ['core.read_runs'] },
      },
      {
        path: 'deliveries',
        name: 'deliveries',
        component: () => import('./Deliveries.vue'),
        meta: { permissions: ['core.read_deliveries'] },
      },
      { path: 'audit', redirect: (to) => ({ path: '/audit', query: to.query }) },
    ],
  },
  {
    path: '/audit',
    name: 'audit',
    component: () => import('./Audit.vue'),
    meta: { permissions: ['core.read_audit'] },
  },
]
