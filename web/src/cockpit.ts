/** The cockpit: one dark screen for leaders and walls. */
import CockpitApp from './shell/CockpitApp.vue'
import { start } from './start'

void start(CockpitApp)
