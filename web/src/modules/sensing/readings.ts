/** Newest readings as they come over the live stream; what is missed meanwhile is read by the screen itself. */
import { onScopeDispose } from 'vue'
import { useLive } from '@/stores/live'

export interface LiveReading {
  device: number
  datastream: number
  at: string
  value: number
}

/** Hear every reading that may be seen, while the component lives. */
export function useReadings(call: (reading: LiveReading) => void): void {
  const deaf = useLive().hear((message) => {
    const { type, device, datastream, at, value } = message
    if (type === 'reading' && typeof device === 'number' && typeof datastream === 'number' && typeof at === 'string' && typeof value === 'number') {
      call({ device, datastream, at, value })
    }
  })
  onScopeDispose(deaf)
}
