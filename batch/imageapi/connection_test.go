package imageapi

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"imsrevoke/batch"
)

// TestWhatIsCalledUnsentHasNotArrived lets attempts end at all times, over new
// connections and kept ones. The reverse is not asked for: what was not sent may
// be called sent.
func TestWhatIsCalledUnsentHasNotArrived(t *testing.T) {
	t.Parallel()
	for name, http2 := range map[string]bool{"HTTP/1.1": false, "HTTP/2": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var arrived sync.Map
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				arrived.Store(r.Header.Get(requestIDHeader), true)
				time.Sleep(time.Millisecond)
				w.WriteHeader(http.StatusNoContent)
			}))
			server.EnableHTTP2 = http2
			server.StartTLS()
			c := newClient(t, server.URL, &keys{}, server.Client().Transport)
			var unsent sync.Map
			var workers sync.WaitGroup
			for range 8 {
				workers.Go(func() {
					for i := range 40 {
						ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i%10)*500*time.Microsecond)
						if a := c.Remove(ctx, pair); a.Meaning == batch.Unreachable {
							unsent.Store(a.RequestID, true)
						}
						cancel()
					}
				})
			}
			workers.Wait()
			server.Close() // waits for what has arrived
			unsent.Range(func(id, _ any) bool {
				if _, ok := arrived.Load(id); ok && id != "" {
					t.Errorf("the request %s has arrived, though it was said that nothing was sent", id)
				}
				return true
			})
		})
	}
}
