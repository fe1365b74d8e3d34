package batch

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A pagedAPI serves the list of one image in pages of size members, the next of
// which begins at a position, so that a removal makes a page skip members. It
// compares ids exactly.
type pagedAPI struct {
	mu      sync.Mutex
	ids     []string
	others  []Member
	size    int
	removed []string // that were asked for
	reads   int
	// beforePage is called before the read of a page, with the lock held.
	beforePage func(a *pagedAPI, position int)
}

func (a *pagedAPI) Remove(_ context.Context, p Pair) Answer {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.removed = append(a.removed, p.MemberID)
	if i := slices.Index(a.ids, p.MemberID); i >= 0 {
		a.ids = slices.Delete(a.ids, i, i+1)
		return Answer{Meaning: Removed, Status: 204}
	}
	return Answer{Meaning: NotAMember, Status: 404, Message: "not found in the member list"}
}

func (a *pagedAPI) Add(context.Context, Pair) Answer { return Answer{} }

func (a *pagedAPI) Images(context.Context, ImageQuery, Cursor) (ImagePage, Answer) {
	return ImagePage{}, Answer{Meaning: Listed, Status: 200}
}

func (a *pagedAPI) Members(_ context.Context, _ string, from Cursor) (p Page, answer Answer) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.reads++
	position := 0
	fmt.Sscan(string(from), &position)
	if a.beforePage != nil {
		a.beforePage(a, position)
	}
	position = min(position, len(a.ids))
	end := min(position+a.size, len(a.ids))
	for _, id := range a.ids[position:end] {
		p.Members = append(p.Members, Member{ID: id})
	}
	if end < len(a.ids) {
		p.Next = []Cursor{Cursor(fmt.Sprint(end))}
	} else {
		p.Members = append(p.Members, a.others...)
	}
	return p, Answer{Meaning: Listed, Status: 200}
}

// manyIDs are n members.
func manyIDs(n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = memberID(i)
	}
	return ids
}

// rowsOfImage are rows of one image for these members.
func rowsOfImage(members ...string) []Row {
	rows := rowsOf(len(members))
	for i, m := range members {
		rows[i].MemberID, rows[i].Pair = m, Pair{rows[0].Pair.ImageID, m}
	}
	return rows
}

func runPaged(t *testing.T, api *pagedAPI, op *Operation, rows []Row) *memory {
	t.Helper()
	rec := &memory{}
	if _, err := testJob().Run(t.Context(), op, &rowsSource{rows: rows}, api, rec); err != nil {
		t.Fatal(err)
	}
	return rec
}

func TestAListThatShiftsWhileItIsRead(t *testing.T) {
	last := memberID(11)
	tests := []struct {
		name       string
		beforePage func(a *pagedAPI, position int)
		outcome    Outcome
		reads      int
	}{
		{"nothing is removed", nil, Shared, 6},
		// Page 3 then begins behind the last member: the first reading does not
		// show it.
		{"four members are removed after the first pages", func(a *pagedAPI, position int) {
			if position == 8 && len(a.ids) == 12 {
				a.ids = a.ids[4:]
			}
		}, Shared, 7},
		{"a member is removed each time", func(a *pagedAPI, position int) {
			if position == 4 && len(a.ids) > 6 {
				a.ids = a.ids[1:]
			}
		}, NotFound, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				api := &pagedAPI{ids: manyIDs(12), size: 4, beforePage: tt.beforePage}
				rec := runPaged(t, api, Check, rowsOfImage(last, memberID(99)))
				if got := rec.bySeq(t, 0); got.Outcome != Shared {
					t.Errorf("the last member is called %s (%s) after %d reads", got.Outcome, got.Message, api.reads)
				}
				if got := rec.bySeq(t, 1).Outcome; (got == Absent) != (tt.outcome == Shared) {
					t.Errorf("a member that is not there is called %s", got)
				}
				if tt.reads > 0 && api.reads != tt.reads {
					t.Errorf("%d reads; want %d", api.reads, tt.reads)
				}
			})
		})
	}
}

func TestNoRowOfAnImageIsSentWhileItsListIsReadInPages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const members = 60
		api := &pagedAPI{ids: manyIDs(members), size: 7}
		rows := append([]string{memberID(1000)}, manyIDs(members)...) // the first one is not there
		rec := runPaged(t, api, Revoke, rowsOfImage(rows...))
		if rec.bySeq(t, 0).Outcome != Absent || rec.count(Revoked) != members {
			t.Errorf("%s, and %d of %d revoked", rec.bySeq(t, 0).Outcome, rec.count(Revoked), members)
		}
		// Each reading has at most nine pages; those in flight when the first one
		// began may cost it one more round.
		if api.reads > 4*9 {
			t.Errorf("%d reads of nine pages", api.reads)
		}
	})
}

func TestEverySpellingInTheListIsSent(t *testing.T) {
	dash := func(id string) string {
		return strings.Join([]string{id[:8], id[8:12], id[12:16], id[16:20], id[20:]}, "-")
	}
	id := memberID(10)
	tests := []struct {
		name    string
		ids     []string
		others  []Member
		outcome Outcome
		removed []string
		says    string
	}{
		{"as in a request", []string{id, "x"}, nil, Revoked, []string{id}, ""},
		{"in upper case", []string{strings.ToUpper(id), "x"}, nil, Revoked, []string{id, strings.ToUpper(id)}, ""},
		{"with dashes", []string{dash(id), "x"}, nil, Revoked, []string{id, dash(id)}, ""},
		{"in two others", []string{dash(id), strings.ToUpper(id)}, nil, Revoked, []string{id, dash(id), strings.ToUpper(id)}, ""},
		{"in braces", []string{"{" + id + "}", "x"}, nil, Rejected, []string{id}, "cannot be part of a request"},
		{"with dashes, and in braces", []string{"{" + id + "}", dash(id)}, nil, Rejected, []string{id, dash(id)}, "and may exist in others"},
		{"not at all", []string{"x"}, nil, Absent, []string{id}, "not found in the member list"},
		{"as an account", []string{"x"}, []Member{{ID: id, Type: Account}}, Rejected, []string{id}, "is an account in the image's list"},
		{"as a project and as an account", []string{id, "x"}, []Member{{ID: id, Type: Account}}, Revoked, []string{id}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				api := &pagedAPI{ids: tt.ids, others: tt.others, size: 10}
				got := runPaged(t, api, Revoke, rowsOfImage(id)).bySeq(t, 0)
				if got.Outcome != tt.outcome || !strings.Contains(got.Message, tt.says) || got.Attempts != len(tt.removed) {
					t.Errorf("%s after %d attempts, %q; want %s and %q", got.Outcome, got.Attempts, got.Message, tt.outcome, tt.says)
				}
				if !slices.Equal(api.removed, tt.removed) {
					t.Errorf("sent %q; want %q", api.removed, tt.removed)
				}
			})
		})
	}
}

func TestARespelledRowIsLookedUpAfter204(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		id := memberID(10)
		for _, respelled := range []bool{false, true} {
			api := &pagedAPI{ids: []string{id, strings.ToUpper(id), "x"}, size: 10}
			rows := rowsOfImage(id)
			rows[0].Respelled = respelled
			got := runPaged(t, api, Revoke, rows).bySeq(t, 0)
			if got.Outcome != Revoked || (len(api.ids) == 1) != respelled {
				t.Errorf("respelled %v: %s, and the list has %q", respelled, got.Outcome, api.ids)
			}
		}
	})
}

func TestAnAccountThatIsKnownIsNotSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		account := memberID(77)
		api := &pagedAPI{ids: []string{"x"}, others: []Member{{ID: account, Type: Account}, {ID: "ou-1", Type: Organization}}, size: 10}
		job, rec := testJob(), &memory{}
		job.Workers = 1
		if _, err := job.Run(t.Context(), Revoke, &rowsSource{rows: rowsOfImage(memberID(1), account, "ou-1")}, api, rec); err != nil {
			t.Fatal(err)
		}
		if want := []string{memberID(1)}; !slices.Equal(api.removed, want) {
			t.Errorf("sent %q; want %q", api.removed, want)
		}
		for seq := range 3 {
			if got := rec.bySeq(t, seq); got.AlsoSharedWith != "the account "+account+" and the organization ou-1" || seq > 0 && got.Outcome != Rejected {
				t.Errorf("row %d: %s, also shared with %q", seq, got.Outcome, got.AlsoSharedWith)
			}
		}
	})
}

// A million members take tens of megabytes, and are told apart.
func TestTheMemoryOfALongListIsBounded(t *testing.T) {
	const million = 1_000_000
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	l := &memberList{}
	l.start(time.Time{})
	read := &task{last: Answer{Meaning: Listed}}
	pages := 0
	for more := true; more && pages < 5000; pages++ {
		first := pages * 1000 % million
		p := Page{Next: []Cursor{Cursor(fmt.Sprint(pages))}}
		for i := range 1000 {
			p.Members = append(p.Members, Member{ID: memberID(first + i)})
		}
		if first+1000 == million {
			p.Next = nil
		}
		_, more = l.take(read, p)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if !l.read || l.gapNote(false) != "" || l.members.len() != million || pages != 2000 {
		t.Fatalf("after %d pages: read %v, %q", pages, l.read, l.gapNote(false))
	}
	if len(l.members.spellings(memberID(999_999))) != 1 || len(l.members.spellings(memberID(million))) != 0 {
		t.Error("a member is not told from somebody who is none")
	}
	if used := int64(after.HeapAlloc) - int64(before.HeapAlloc); used > 64<<20 {
		t.Errorf("a list of a million takes %d MiB", used>>20)
	}
}

func TestAListThatIsTooLongIsNotWhole(t *testing.T) {
	for name, size := range map[string]int{"members": 1 << 16, "pages": 1} {
		t.Run(name, func(t *testing.T) {
			l := &memberList{}
			l.start(time.Time{})
			read := &task{last: Answer{Meaning: Listed}}
			n, more := 0, true
			for ; more && n < 1<<22; n += size {
				p := Page{Next: []Cursor{"on"}}
				for i := range size {
					p.Members = append(p.Members, Member{ID: memberID(n + i)})
				}
				_, more = l.take(read, p)
			}
			if more || !strings.Contains(l.gapNote(true), "it has more than") || n > maxMembers+size {
				t.Errorf("after %d members: %v, %q", n, more, l.gapNote(true))
			}
		})
	}
}

// Whatever lists say, a run makes a bounded number of requests for them.
func TestAListIsReadABoundedNumberOfTimes(t *testing.T) {
	for name, meaning := range map[string]Meaning{"cannot be read": Broken, "contradicts the answers": Listed} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const rows = 200
				api, rec := &fakeAPI{latency: time.Millisecond, remove: answer(NotAMember, 404)}, &memory{}
				all := manyIDs(rows)
				api.members = func(request) (members, Answer) {
					return members{IDs: all, Complete: true}, Answer{Meaning: meaning, Status: 200}
				}
				job := testJob()
				sum, err := job.Run(t.Context(), Revoke, &rowsSource{rows: rowsOfImage(all...)}, api, rec)
				if err != nil || len(rec.results) != rows {
					t.Fatalf("%d results, %v", len(rec.results), err)
				}
				if most := max(maxRereads+1, maxFailures*job.Attempts) + 1; sum.Reads > most {
					t.Errorf("%d reads of one list; want at most %d", sum.Reads, most)
				}
				if n := rec.count(Absent); n > 0 {
					t.Errorf("%d rows are called absent", n)
				}
			})
		})
	}
}

// A row that is answered after the run was stopped does not wait for a list that
// nobody reads any more.
func TestARowIsNotLeftWaitingForAListThatWasGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rows := rowsOfImage(memberID(0), memberID(1))
		api, rec := &fakeAPI{remove: answer(NotAMember, 404)}, &memory{}
		api.members = func(request) (members, Answer) { return members{}, Answer{Meaning: Broken, Status: 500} }
		api.jitter = func(r request) time.Duration {
			switch r.pair.MemberID {
			case "": // the list
				return 10 * time.Millisecond
			case memberID(1):
				return time.Second
			}
			return time.Millisecond
		}
		job := testJob()
		job.MaxDuration = 100 * time.Millisecond // while the list waits for another attempt
		if _, err := job.Run(t.Context(), Revoke, &rowsSource{rows: rows}, api, rec); !errors.Is(err, ErrTimeBudget) {
			t.Fatal(err)
		}
		if len(rec.results) != 2 || rec.count(NotFound) != 2 {
			t.Errorf("results %+v; want both rows not found", rec.results)
		}
	})
}
