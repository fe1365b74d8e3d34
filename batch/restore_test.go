package batch

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestWhatARestorationSaysOfARow(t *testing.T) {
	image := rowsOf(1)[0].Pair.ImageID
	there := members{IDs: []string{memberID(0)}, Complete: true}
	notThere := members{IDs: []string{"somebody", "else"}, Complete: true}
	again := func(m Meaning, status int) Answer { return Answer{Meaning: m, Status: status, Message: "again"} }
	tests := []struct {
		name     string
		answers  []Answer
		members  members
		list     Meaning // of the answer to a read, of which none is made when it is Unanswered
		outcome  Outcome
		attempts int
		message  string
	}{
		{"200 is restored", []Answer{{Meaning: Added, Status: 200}}, members{}, 0, Restored, 1, ""},
		{"503 then 200 is restored", []Answer{again(Unavailable, 503), {Meaning: Added, Status: 200}}, members{}, 0, Restored, 2, ""},
		{"200 after a lost answer is restored", []Answer{again(Unanswered, 0), {Meaning: Added, Status: 200}}, members{}, 0, Restored, 2, ""},
		{"a member already is present", []Answer{again(AlreadyMember, 409)}, members{}, 0, Present, 1, "again"},
		{"a member after a lost answer says so", []Answer{again(Unanswered, 0), again(AlreadyMember, 409)}, members{}, 0, Present, 2, "may have restored it"},
		{"no such image", []Answer{again(NoSuchImage, 404)}, members{}, 0, NotFound, 1, "again"},
		{"forbidden", []Answer{again(Forbidden, 403)}, members{}, 0, Denied, 1, "again"},
		{"refused", []Answer{again(Refused, 400)}, members{}, 0, Rejected, 1, "again"},
		{"only 503", []Answer{again(Unavailable, 503)}, members{}, 0, Failed, 5, "again"},
		{"never answered", []Answer{again(Unanswered, 0)}, members{}, 0, Unknown, 5, "check whether the share is there"},
		{"full, and in the list", []Answer{again(Conflict, 413)}, there, Listed, Present, 1, "again; the member is in the image's list"},
		{"full, and not in the list", []Answer{again(Conflict, 413)}, notThere, Listed, Rejected, 1, "again; the member is not in the image's list"},
		{"full, and not in a list that may not see all members", []Answer{again(Conflict, 413)}, members{IDs: []string{"me"}}, Listed, Rejected, 1, "may not see all members"},
		{"full, and no list", []Answer{again(Conflict, 413)}, members{}, Forbidden, Rejected, 1, "again; reading the member list: of the list"},
		{"full after a lost answer", []Answer{again(Unanswered, 0), again(Conflict, 413)}, there, Listed, Present, 2, "may have restored it"},
		{"refused after a lost answer", []Answer{again(Broken, 502), again(Conflict, 413)}, notThere, Listed, Rejected, 2, "may have been applied nevertheless"},
		{"an unexplained 404, and in the list", []Answer{again(AmbiguousNotFound, 404)}, there, Listed, Present, 1, "is in the image's list"},
		{"an unexplained 404, and not in the list", []Answer{again(AmbiguousNotFound, 404)}, notThere, Listed, NotFound, 1, "is not in the image's list"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rec := &memory{}
				api := &fakeAPI{latency: time.Millisecond, add: firstThen(tt.answers...)}
				api.members = func(request) (members, Answer) { return tt.members, Answer{Meaning: tt.list, Message: "of the list"} }
				if _, err := testJob().Run(t.Context(), Restore, &rowsSource{rows: rowsOf(1)}, api, rec); err != nil {
					t.Fatal(err)
				}
				r := rec.bySeq(t, 0)
				if r.Outcome != tt.outcome || r.Attempts != tt.attempts || !strings.Contains(r.Message, tt.message) || tt.message == "" && r.Message != "" {
					t.Errorf("%s after %d attempts, %q; want %s after %d, %q", r.Outcome, r.Attempts, r.Message, tt.outcome, tt.attempts, tt.message)
				}
				if reads := api.attempts[Pair{ImageID: image}]; reads != map[bool]int{true: 1}[tt.list != Unanswered] {
					t.Errorf("%d reads", reads)
				}
				if !slices.Equal(rec.begun, []int{0}) {
					t.Errorf("rows %v were begun", rec.begun)
				}
			})
		})
	}
}

// A list that was read before an attempt was applied whose answer was lost says
// nothing of what that attempt has done.
func TestARestorationReadsAnOutdatedListAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rows := rowsOf(2)
		rows[1].Pair.ImageID = rows[0].Pair.ImageID
		api, rec := &fakeAPI{latency: time.Millisecond}, &memory{}
		api.add = func(r request) Answer {
			if r.pair == rows[1].Pair && r.attempt == 1 {
				return Answer{Meaning: Unanswered}
			}
			return Answer{Meaning: Conflict, Status: 413}
		}
		api.members = func(r request) (members, Answer) {
			m := members{IDs: []string{"a", "b"}, Complete: true}
			if r.attempt > 1 {
				m.IDs = append(m.IDs, rows[1].Pair.MemberID)
			}
			return m, Answer{Meaning: Listed, Status: 200}
		}
		job := testJob()
		job.Workers = 1
		if _, err := job.Run(t.Context(), Restore, &rowsSource{rows: rows}, api, rec); err != nil {
			t.Fatal(err)
		}
		if first, second := rec.bySeq(t, 0).Outcome, rec.bySeq(t, 1).Outcome; first != Rejected || second != Present {
			t.Errorf("%s and %s; want rejected, and present by a second list", first, second)
		}
	})
}

func TestARestorationThatStopsWaitsForNoList(t *testing.T) {
	for name, lost := range map[string]bool{"rejected": false, "unknown": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				job, rec, rows := testJob(), &memory{}, rowsOf(1)
				job.MaxDuration = 1500 * time.Millisecond // in the middle of the read
				rows[0].Lost = lost
				api := &fakeAPI{latency: time.Second, add: answer(Conflict, 413), members: firstListThen(Unavailable)}
				_, err := job.Run(t.Context(), Restore, &rowsSource{rows: rows}, api, rec)
				if r := rec.bySeq(t, 0); !errors.Is(err, ErrTimeBudget) || r.Outcome != Outcome(name) {
					t.Errorf("%v, %s; want the time budget, %s", err, r.Outcome, name)
				}
			})
		})
	}
}

func TestTheLimitsHoldForARestoration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api, rec := &fakeAPI{latency: time.Millisecond, add: answer(NoSuchImage, 404)}, &memory{}
		if _, err := testJob().Run(t.Context(), Restore, &rowsSource{rows: rowsOf(100)}, api, rec); !errors.Is(err, ErrSameRefusal) {
			t.Errorf("err = %v; want ErrSameRefusal", err)
		}
	})
}
