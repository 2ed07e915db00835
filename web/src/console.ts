/** The console. */
import ConsoleApp from './shell/ConsoleApp.vue'
import { makeRouter } from './shell/router'
import { start } from './start'

void start(ConsoleApp, makeRouter())
