package cloud_test

import (
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"imsrevoke/batch/cloud"
)

// lastOnes answers after a while, and counts the requests that are to be the
// last ones of their connections.
type lastOnes struct {
	count atomic.Int64
}

func (l *lastOnes) RoundTrip(req *http.Request) (*http.Response, error) {
	time.Sleep(50 * time.Millisecond)
	if req.Close {
		l.count.Add(1)
	}
	return &http.Response{StatusCode: http.StatusNoContent, Body: http.NoBody}, nil
}

// TestConnectionsAreGivenUp: often at first, seldom later, and never when
// requests do not overlap.
func TestConnectionsAreGivenUp(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		workers  int
		from, to time.Duration // since the start
		min, max int64         // connections given up
	}{
		{"some at once", 8, 0, 500 * time.Millisecond, 3, 8},
		{"fewer later", 8, 10 * time.Second, 30 * time.Second, 1, 4},
		{"each one in two minutes", 8, 20 * time.Minute, 22 * time.Minute, 7, 9},
		{"none of one", 1, 0, time.Minute, 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := mustConnect(t, cloud.Config{Endpoint: "http://127.0.0.1"}, env{"OS_TOKEN": "s3cr3t"})
				transport, last := s.Transport(tt.workers), &lastOnes{}
				transport.RegisterProtocol("http", last)
				start := time.Now()
				var before int64
				var wg sync.WaitGroup
				for range tt.workers {
					wg.Go(func() {
						for time.Since(start) < tt.to {
							req, err := http.NewRequest(http.MethodDelete, "http://127.0.0.1/", nil)
							if err != nil {
								t.Error(err)
								return
							}
							if _, err := transport.RoundTrip(req); err != nil || req.Close {
								t.Errorf("err = %v; the caller's request was changed: %v", err, req.Close)
							}
						}
					})
				}
				time.Sleep(tt.from)
				before = last.count.Load()
				wg.Wait()
				if got := last.count.Load() - before; got < tt.min || got > tt.max {
					t.Errorf("%d connections were given up; want %d to %d", got, tt.min, tt.max)
				}
			})
		})
	}
}
