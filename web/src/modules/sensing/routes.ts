import type { RouteRecordRaw } from 'vue-router'

export const sensingRoutes: RouteRecordRaw[] = [
  {
    path: '/sensing',
    name: 'sensing',
    component: () => import('./Sensing.vue'),
    meta: { permissions: ['sensing.read_devices', 'sensing.read_alarms', 'sensing.read_rejected', 'sensing.read_accounting'] },
  },
  {
    path: '/sensing/devices/:id(\\d+)?',
    name: 'devices',
    component: () => import('./Devices.vue'),
    meta: { permissions: ['sensing.read_devices'] },
  },
  {
    path: '/sensing/alarms/:id(\\d+)?',
    name: 'alarms',
    component: () => import('./Alarms.vue'),
    meta: { permissions: ['sensing.read_alarms'] },
  },
  {
    path: '/sensing/rules',
    name: 'rules',
    component: () => import('./Rules.vue'),
    meta: { permissions: ['sensing.read_alarms'] },
  },
  {
    path: '/sensing/rejected',
    name: 'rejected',
    component: () => import('./Rejected.vue'),
    meta: { permissions: ['sensing.read_rejected'] },
  },
  {
    path: '/sensing/accounting',
    name: 'accounting',
    component: () => import('./Accounting.vue'),
    meta: { permissions: ['sensing.read_accounting'] },
  },
]
