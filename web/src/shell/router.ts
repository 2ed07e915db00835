/** The console's pages, each loaded when it is first opened. Every screen has its own address. */
import { createRouter, createWebHistory, type Router, type RouteRecordRaw } from 'vue-router'
import { casesRoutes } from '@/modules/cases/routes'
import { indicatorsRoutes } from '@/modules/indicators/routes'
import { intakeRoutes } from '@/modules/intake/routes'
import { sensingRoutes } from '@/modules/sensing/routes'
import { settingsRoutes } from '@/modules/settings/routes'
import { situationRoutes } from '@/modules/situation/routes'

declare module 'vue-router' {
  interface RouteMeta {
    /** Any of these opens the page. */
    permissions?: string[]
  }
}

const routes: RouteRecordRaw[] = [
  { path: '/', name: 'home', component: () => import('./Home.vue') },
  ...casesRoutes,
  ...indicatorsRoutes,
  ...intakeRoutes,
  ...sensingRoutes,
  ...settingsRoutes,
  ...situationRoutes,
  { path: '/:rest(.*)*', name: 'missing', component: () => import('./Missing.vue') },
]

export function makeRouter(): Router {
  return createRouter({ history: createWebHistory('/'), routes })
}
