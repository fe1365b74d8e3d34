package batch

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestWhatACheckSaysOfARow(t *testing.T) {
	tests := []struct {
		name    string
		members members
		answer  Answer
		outcome Outcome
	}{
		{"in the list", members{IDs: []string{strings.ToUpper(memberID(0))}}, Answer{Meaning: Listed, Status: 200}, Shared},
		{"not in a complete list", members{IDs: []string{"x"}, Complete: true}, Answer{Meaning: Listed, Status: 200}, Absent},
		{"not in a list that may not see all members", members{IDs: []string{"x"}}, Answer{Meaning: Listed, Status: 200}, NotFound},
		{"no such image", members{}, Answer{Meaning: NoSuchImage, Status: 404}, NotFound},
		{"another 404", members{}, Answer{Meaning: AmbiguousNotFound, Status: 404}, NotFound},
		{"forbidden", members{}, Answer{Meaning: Forbidden, Status: 403}, Denied},
		{"refused", members{}, Answer{Meaning: Refused, Status: 400}, Rejected},
		{"no answer", members{}, Answer{Meaning: Unanswered}, Failed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				api, rec := &fakeAPI{latency: time.Millisecond}, &memory{}
				api.members = func(request) (members, Answer) { return tt.members, tt.answer }
				summary, err := testJob().Run(t.Context(), Check, &rowsSource{rows: rowsOf(1)}, api, rec)
				if err != nil {
					t.Fatal(err)
				}
				r := rec.results[0]
				if r.Outcome != tt.outcome || r.Status != tt.answer.Status || r.Attempts != 0 || r.FinishedAt.IsZero() {
					t.Errorf("%s, status %d, %d attempts, at %v; want %s", r.Outcome, r.Status, r.Attempts, r.FinishedAt, tt.outcome)
				}
				if summary.Requests != summary.Reads || len(rec.begun) > 0 || api.attempts[rowsOf(1)[0].Pair] > 0 {
					t.Errorf("a check sent something: %+v", summary)
				}
			})
		})
	}
}

func TestACheckReadsEachImageOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rows := rowsOf(400)
		for i := range rows {
			rows[i].Pair.ImageID = rows[i%20].Pair.ImageID // in an order that mixes them
		}
		rows[7].Problem, rows[9].FirstLine = "bad", 3
		api, rec := &fakeAPI{latency: 50 * time.Millisecond}, &memory{}
		api.members = func(request) (members, Answer) {
			return members{IDs: []string{rows[0].Pair.MemberID}, Complete: true}, Answer{Meaning: Listed, Status: 200}
		}
		summary, err := testJob().Run(t.Context(), Check, &rowsSource{rows: rows}, api, rec)
		if err != nil || summary.Requests != 20 {
			t.Errorf("%d requests, %v; want 20", summary.Requests, err)
		}
		for o, want := range map[Outcome]int{Shared: 1, Absent: 397, Invalid: 1, Duplicate: 1} {
			if got := rec.count(o); got != want {
				t.Errorf("%d %s; want %d", got, o, want)
			}
		}
	})
}

func TestACheckIsNotStoppedByWhatItFinds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		job, rec := testJob(), &memory{}
		var err error
		if job.MaxFailures, err = ParseAllowance("1"); err != nil {
			t.Fatal(err)
		}
		api := &fakeAPI{members: func(request) (members, Answer) { return members{}, Answer{Meaning: NoSuchImage, Status: 404} }}
		if _, err := job.Run(t.Context(), Check, &rowsSource{rows: rowsOf(100)}, api, rec); err != nil || rec.count(NotFound) != 100 {
			t.Errorf("%d of 100 not found, %v", rec.count(NotFound), err)
		}
	})
}

func TestACheckThatIsStoppedLeavesRowsOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		job, rec := testJob(), &memory{}
		job.MaxDuration = 2500 * time.Millisecond
		job.Workers = 1
		_, err := job.Run(t.Context(), Check, &rowsSource{rows: rowsOf(10)}, &fakeAPI{latency: time.Second}, rec)
		if !errors.Is(err, ErrTimeBudget) || rec.count(Absent) != 3 || rec.count(Skipped) != 7 {
			t.Errorf("%v with %d absent, %d skipped; want the time budget, 3 and 7", err, rec.count(Absent), rec.count(Skipped))
		}
	})
}
