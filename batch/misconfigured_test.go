package batch

import (
	"errors"
	"testing"
	"testing/synctest"
)

// TestMistakeInTheSetUp: it ends the run when it is what comes of the first
// request, and is an outage later, when the set-up has been good already.
func TestMistakeInTheSetUp(t *testing.T) {
	mistake := Answer{Meaning: Misconfigured, Message: "the host does not exist"}
	t.Run("at first", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			rec, api := &memory{}, &fakeAPI{remove: firstThen(mistake)}
			_, err := testJob().Run(t.Context(), Revoke, &rowsSource{rows: rowsOf(10)}, api, rec)
			if !errors.Is(err, ErrMisconfigured) || err.Error() != "cannot reach the Image API: the host does not exist" {
				t.Errorf("error %v, want ErrMisconfigured", err)
			}
			if len(api.requests) != 1 || len(rec.results) != 1 || rec.results[0].Outcome != Skipped {
				t.Errorf("%d requests, results %+v; want one row that is skipped", len(api.requests), rec.results)
			}
		})
	})
	t.Run("later", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			rec := &memory{}
			api := &fakeAPI{remove: func(r request) Answer {
				if r.attempt == 1 && r.pair != rowsOf(1)[0].Pair {
					return mistake
				}
				return Answer{Meaning: Removed, Status: 204}
			}}
			if _, err := testJob().Run(t.Context(), Revoke, &rowsSource{rows: rowsOf(10)}, api, rec); err != nil {
				t.Fatal(err)
			}
			for _, r := range rec.results {
				if r.Outcome != Revoked {
					t.Errorf("row %d is %s: %s; want it revoked in the end", r.Row.Line, r.Outcome, r.Message)
				}
			}
		})
	})
}
