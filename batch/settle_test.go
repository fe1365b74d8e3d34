package batch

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestAnUnexplained404IsSettledByOneReadForEachImage(t *testing.T) {
	rows := rowsOf(6)
	image := rows[0].Pair.ImageID
	for i := range 4 { // rows 0 to 3 are of one image
		rows[i].Pair.ImageID = image
	}
	gone := members{IDs: []string{memberID(1), "somebody"}, Complete: true}
	tests := []struct {
		name     string
		members  members
		answer   Answer
		outcome  [6]Outcome
		inResult string
	}{
		{"the list proves who is gone", gone, Answer{Meaning: Listed, Status: 200},
			[6]Outcome{Absent, Rejected, Absent, Absent, Absent, Absent}, "not in the image's list"},
		{"a list that may be cut proves nothing", members{IDs: []string{"me"}}, Answer{Meaning: Listed, Status: 200},
			[6]Outcome{NotFound, NotFound, NotFound, NotFound, NotFound, NotFound}, "may not see all members"},
		{"no list proves nothing", members{}, Answer{Meaning: NoSuchImage, Status: 404, Message: "Image x not found."},
			[6]Outcome{NotFound, NotFound, NotFound, NotFound, NotFound, NotFound}, "reading the member list: Image x not found."},
		{"a list that cannot be had proves nothing", members{}, Answer{Meaning: Unavailable, Status: 503, Message: "busy"},
			[6]Outcome{NotFound, NotFound, NotFound, NotFound, NotFound, NotFound}, "reading the member list: busy"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				api, rec := &fakeAPI{latency: time.Millisecond, remove: answer(AmbiguousNotFound, 404)}, &memory{}
				api.members = func(request) (members, Answer) { return tt.members, tt.answer }
				if _, err := testJob().Run(t.Context(), Revoke, &rowsSource{rows: rows}, api, rec); err != nil {
					t.Fatal(err)
				}
				for i, want := range tt.outcome {
					if got := rec.bySeq(t, i); got.Outcome != want {
						t.Errorf("row %d: %s (%s); want %s", i, got.Outcome, got.Message, want)
					}
				}
				if got := rec.bySeq(t, 0); !strings.Contains(got.Message, "text of the answer") || !strings.Contains(got.Message, tt.inResult) {
					t.Errorf("message %q; want the server's words and %q", got.Message, tt.inResult)
				}
				reads := api.attempts[Pair{ImageID: image}]
				if want := map[bool]int{true: 5, false: 1}[tt.answer.Meaning == Unavailable]; reads != want {
					t.Errorf("%d reads for four rows of one image; want %d", reads, want)
				}
			})
		})
	}
}

func TestAReadIsCountedAndPacedAndIsNoAttemptOfARow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var rowEvents, readEvents int
		job, rec := testJob(), &memory{}
		job.Rate = 1
		job.Notify = func(e Event) {
			if e.Row == nil {
				readEvents++
			} else {
				rowEvents++
			}
		}
		api := &fakeAPI{remove: answer(AmbiguousNotFound, 404)}
		api.members = firstListThen(Broken, Renewed, Listed)
		start := time.Now()
		sum, err := job.Run(t.Context(), Revoke, &rowsSource{rows: rowsOf(1)}, api, rec)
		if err != nil {
			t.Fatal(err)
		}
		if want := (Summary{Requests: 4, Reads: 3, Retries: 1, Renewals: 1}); sum != want {
			t.Errorf("summary %+v; want %+v", sum, want)
		}
		if rowEvents != 1 || readEvents != 3 {
			t.Errorf("%d events of rows and %d of reads; want 1 and 3", rowEvents, readEvents)
		}
		if r := rec.results[0]; r.Outcome != Absent || r.Attempts != 1 || strings.Contains(r.Message, "lost") {
			t.Errorf("%s after %d attempts, %q; want absent after 1, and a read that failed is no lost attempt", r.Outcome, r.Attempts, r.Message)
		}
		if took := time.Since(start); took.Round(time.Millisecond) != 3*time.Second {
			t.Errorf("four requests took %v at one a second; want 3s", took)
		}
	})
}

// firstListThen answers the reads of each image with the meanings in their
// order, with an empty list in the end.
func firstListThen(meanings ...Meaning) func(request) (members, Answer) {
	return func(r request) (members, Answer) {
		return members{Complete: true}, Answer{Meaning: meanings[min(r.attempt, len(meanings))-1], Message: "of the read"}
	}
}

func TestARunThatStopsWaitsForNoList(t *testing.T) {
	tests := []struct {
		name  string
		list  Meaning
		reads int
	}{
		{"a list that is under way still counts", Listed, 1},
		{"a read that would be tried again is given up", Unavailable, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				job, rec := testJob(), &memory{}
				job.MaxDuration = 1500 * time.Millisecond // in the middle of the read
				api := &fakeAPI{latency: time.Second, remove: answer(AmbiguousNotFound, 404), members: firstListThen(tt.list)}
				job.Workers = 1
				_, err := job.Run(t.Context(), Revoke, &rowsSource{rows: rowsOf(3)}, api, rec)
				want := map[Meaning]Outcome{Listed: Absent, Unavailable: NotFound}[tt.list]
				if len(rec.results) != 1 || rec.results[0].Outcome != want || api.attempts[Pair{ImageID: rowsOf(1)[0].Pair.ImageID}] != tt.reads {
					t.Errorf("err = %v, results %+v; want row 0 %s", err, rec.results, want)
				}
			})
		})
	}
}

func TestTheListsKeptAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		long := members{IDs: make([]string, maxListed/10), Complete: true}
		for i := range long.IDs {
			long.IDs[i] = memberID(i + 100)
		}
		api := &fakeAPI{remove: answer(AmbiguousNotFound, 404)}
		api.members = func(request) (members, Answer) { return long, Answer{Meaning: Listed} }
		job := testJob()
		d := newDispatcher(job, Revoke, &rowsSource{rows: rowsOf(25)}, &memory{})
		job.Notify = func(Event) {
			if kept := len(d.lists.byImage); kept > 10+job.Workers {
				t.Errorf("%d lists are kept; want at most ten and those under way", kept)
			}
		}
		runDispatcher(t, d, api)
	})
}

// runDispatcher does what Run does, for a test that looks into the dispatcher.
func runDispatcher(t *testing.T, d *dispatcher, api API) {
	t.Helper()
	for range d.job.Workers {
		go work(t.Context(), api, d.op, d.job.AttemptTimeout, d.tasks, d.done)
	}
	if err := d.run(t.Context()); err != nil {
		t.Error(err)
	}
	close(d.tasks)
	if d.lists.waiting != 0 || !d.waiting.empty() {
		t.Errorf("in the end %d rows wait for a list and %d for an attempt", d.lists.waiting, d.waiting.len())
	}
}

func TestNoNewRowIsTakenWhileTooManyWait(t *testing.T) {
	d := newDispatcher(testJob(), Revoke, &rowsSource{}, &memory{})
	d.lists.waiting = MaxWaiting - 2
	for waiting, want := range []bool{true, true, false, false} {
		if got := d.mayRead(); got != want {
			t.Errorf("%d rows wait for a list and %d for an attempt: a new one may be taken: %v; want %v", d.lists.waiting, waiting, got, want)
		}
		d.waiting.push(&task{})
	}
}
