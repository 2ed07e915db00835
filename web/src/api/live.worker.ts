/** The browser's one event stream, shared by all its pages. */
import { Stream, type LiveMessage, type LiveState } from './stream'

declare const self: SharedWorkerGlobalScope

const ADDRESS = '/api/v1/core/live'
const FORGET_AFTER = 180_000
const pages = new Map<MessagePort, number>()

function tellAll(data: { message: LiveMessage } | { state: LiveState }): void {
  for (const page of pages.keys()) page.postMessage(data)
}

const stream = new Stream(ADDRESS, {
  message: (message) => {
    tellAll({ message })
  },
  state: (state) => {
    tellAll({ state })
  },
})
let running = false

function leave(page: MessagePort): void {
  pages.delete(page)
  if (pages.size === 0) {
    stream.stop()
    running = false
  }
}

self.onconnect = (event: MessageEvent) => {
  const page = event.ports[0]
  if (!page) return
  pages.set(page, Date.now())
  page.onmessage = ({ data }: MessageEvent<string>) => {
    if (data === 'bye') {
      leave(page)
      return
    }
    pages.set(page, Date.now())
    if (data === 'restart' || !running) {
      running = true
      stream.start()
    } else if (data === 'hello') {
      page.postMessage({ state: stream.state })
    }
  }
}

self.addEventListener('online', () => {
  stream.hurry()
})

// A page that was killed says no good-bye.
setInterval(() => {
  for (const [page, seen] of pages) if (Date.now() - seen > FORGET_AFTER) leave(page)
}, 60_000)
