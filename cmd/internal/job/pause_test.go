package job

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"imsrevoke/batch"
	"imsrevoke/batch/imageapi"
	"imsrevoke/batch/imagetest"
)

// hostileToken authorises requests to the simulated cloud.
type hostileToken string

func (t hostileToken) Authorize(req *http.Request) (uint64, error) {
	req.Header.Set("X-Auth-Token", string(t))
	return 1, nil
}
func (hostileToken) Renew(context.Context, uint64, string) error { return batch.ErrUnauthorized }
func (hostileToken) Accepted(uint64, string)                     {}

// oneRow is the source of a job with one row, and keeps its result.
type oneRow struct {
	pair   batch.Pair
	given  bool
	result batch.Result
}

func (o *oneRow) Next() (batch.Row, error) {
	if o.given {
		return batch.Row{}, io.EOF
	}
	o.given = true
	return batch.Row{Line: 2, Pair: o.pair}, nil
}
func (*oneRow) Begin(batch.Row) error         { return nil }
func (*oneRow) Flush() error                  { return nil }
func (o *oneRow) Record(r batch.Result) error { o.result = r; return nil }

// TestHostileRetryAfter: however long a server asks to be left alone, the next
// attempt comes after five minutes and a bit.
func TestHostileRetryAfter(t *testing.T) {
	t.Parallel()
	for _, status := range []int{429, 503} {
		for _, retryAfter := range []string{"99999999", "99999999999999999999999", "Fri, 31 Dec 9999 23:59:59 GMT"} {
			synctest.Test(t, func(t *testing.T) {
				c := imagetest.NewCloud()
				pair := batch.Pair{ImageID: "d164b5df-1bc3-4c3f-893e-3e471fd16e64", MemberID: "edc89b490d7d4392898e19b2deb34797"}
				c.Share(pair.ImageID, pair.MemberID)
				c.SetFaults(imagetest.FirstRequests(1, imagetest.Fault{Status: status, RetryAfter: retryAfter}))
				api := imageapi.New(imageapi.Config{
					Endpoint:    &url.URL{Scheme: "http", Host: "image.example.com"},
					Transport:   c.Transport(),
					Credentials: hostileToken(c.IssueToken(imagetest.ProjectID, time.Hour)),
				})
				limits := DefaultOptions().Limits
				job := limits.Job(limits.Rate)
				row, start := &oneRow{pair: pair}, time.Now()
				if _, err := job.Run(t.Context(), batch.Revoke, row, api, row); err != nil {
					t.Fatal(err)
				}
				took := time.Since(start)
				if row.result.Outcome != batch.Revoked || took < batch.MaxRetryAfter || took > batch.MaxRetryAfter+time.Minute {
					t.Errorf("%d, Retry-After: %s: %s after %v", status, retryAfter, row.result.Outcome, took)
				}
			})
		}
	}
}
