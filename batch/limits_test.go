package batch

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestAllowancesAreReadAndWritten(t *testing.T) {
	for text, want := range map[string]string{
		"20%": "20%", " 2.5 % ": "2.5%", "0%": "0%", "0": "0", "100": "100", "none": "none",
	} {
		a, err := ParseAllowance(text)
		if err != nil || a.String() != want {
			t.Errorf("ParseAllowance(%q) = %v, %v; want %s", text, a, err, want)
		}
	}
	for _, text := range []string{"", "-1", "101%", "-1%", "NaN%", "many", "1.5", "%"} {
		if a, err := ParseAllowance(text); err == nil {
			t.Errorf("ParseAllowance(%q) = %v; want an error", text, a)
		}
	}
}

func TestWhatAnAllowanceAllows(t *testing.T) {
	tests := []struct {
		allowance        string
		failed, finished int
		exceeded         bool
	}{
		{"none", 1000, 1000, false},
		{"0", 0, 10, false},
		{"0", 1, 10, true},
		{"5", 5, 5, false},
		{"5", 6, 6, true},
		{"20%", 49, 49, false},
		{"20%", 10, 50, false},
		{"20%", 11, 50, true},
		{"0%", 1, 50, true},
		{"100%", 50, 50, false},
	}
	for _, tt := range tests {
		a, err := ParseAllowance(tt.allowance)
		if err != nil {
			t.Fatal(err)
		}
		if got := a.exceeded(tt.failed, tt.finished); got != tt.exceeded {
			t.Errorf("%s: %d of %d failed: exceeded = %v; want %v", tt.allowance, tt.failed, tt.finished, got, tt.exceeded)
		}
	}
	if (Allowance{}).exceeded(1, 1) {
		t.Error("the zero Allowance stops a run")
	}
}

func TestTheSameRefusalOverFiveImagesStopsTheRun(t *testing.T) {
	tests := []struct {
		name   string
		remove func(request) Answer
		images int
		want   error
	}{
		{"not found over many images", answer(NoSuchImage, 404), 100, ErrSameRefusal},
		{"denied over many images", answer(Forbidden, 403), 100, ErrSameRefusal},
		{"not found over four images", answer(NoSuchImage, 404), 4, nil},
		{"two kinds of refusal", func(r request) Answer {
			if strings.HasPrefix(r.pair.ImageID, "00000002") {
				return Answer{Meaning: Forbidden, Status: 403}
			}
			return Answer{Meaning: NoSuchImage, Status: 404}
		}, 100, nil},
		{"one success among the first", func(r request) Answer {
			if strings.HasPrefix(r.pair.ImageID, "00000000") {
				return Answer{Meaning: Removed, Status: 204}
			}
			return Answer{Meaning: NoSuchImage, Status: 404}
		}, 100, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rows := rowsOf(100)
				for i := range rows {
					rows[i].Pair.ImageID = rows[i%tt.images].Pair.ImageID
				}
				api, rec := &fakeAPI{latency: time.Millisecond, remove: tt.remove}, &memory{}
				_, err := testJob().Run(t.Context(), Revoke, &rowsSource{rows: rows}, api, rec)
				if !errors.Is(err, tt.want) {
					t.Fatalf("err = %v; want %v", err, tt.want)
				}
				if tt.want != nil && len(api.requests) > 4+4 {
					t.Errorf("%d requests before the run stopped; want 5 and what was in flight", len(api.requests))
				}
				if tt.want == nil && len(rec.results) != 100 {
					t.Errorf("%d results; want 100", len(rec.results))
				}
			})
		})
	}
}

func TestTooManyFailuresStopTheRun(t *testing.T) {
	tests := []struct {
		allowance string
		failEvery int
		stops     bool
		atMost    int // finished rows at the stop
	}{
		{"0", 10, true, 18},
		{"5", 10, true, 68},
		{"none", 2, false, 400},
		{"20%", 4, true, 58},
		{"20%", 6, false, 400},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%s allowed, one in %d fails", tt.allowance, tt.failEvery), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var err error
				job, rec := testJob(), &memory{}
				if job.MaxFailures, err = ParseAllowance(tt.allowance); err != nil {
					t.Fatal(err)
				}
				api := &fakeAPI{latency: time.Millisecond}
				api.remove = func(r request) Answer {
					var n int
					fmt.Sscanf(r.pair.ImageID, "%d-", &n)
					if n%tt.failEvery == tt.failEvery-1 {
						return Answer{Meaning: Refused, Status: 400}
					}
					return Answer{Meaning: Removed, Status: 204}
				}
				_, err = job.Run(t.Context(), Revoke, &rowsSource{rows: rowsOf(400)}, api, rec)
				if errors.Is(err, ErrTooManyFailures) != tt.stops || len(rec.results) > tt.atMost {
					t.Errorf("err = %v after %d rows; want a stop: %v, after at most %d", err, len(rec.results), tt.stops, tt.atMost)
				}
			})
		})
	}
}

func TestWhatARunThatIsHopelessIsTold(t *testing.T) {
	tests := []struct {
		name    string
		outcome Outcome
		status  int
		words   []string
	}{
		{"not found", NotFound, 404, []string{"all 6 rows so far, of 5 images, ended as not_found (404): the server's words; usually the credentials are for another project or region"}},
		{"denied", Denied, 403, []string{"ended as denied (403)", "lack the role"}},
		{"rejected", Rejected, 400, []string{"ended as rejected (400)", "is an Image API"}},
		{"without an answer", Rejected, 0, []string{"ended as rejected: the server's words"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rows, l := rowsOf(6), limits{}
			rows[1].Pair.ImageID = rows[0].Pair.ImageID
			for i, row := range rows {
				err := l.count(&Result{Row: row, Outcome: tt.outcome, Status: tt.status, Message: "the server's words"})
				if (err != nil) != (i == 5) {
					t.Fatalf("after %d rows: %v", i+1, err)
				}
				for _, words := range tt.words {
					if err != nil && (!errors.Is(err, ErrSameRefusal) || !strings.Contains(err.Error(), words)) {
						t.Errorf("%q lacks %q", err, words)
					}
				}
			}
		})
	}
}

func TestRefusalsWithDifferentStatusesAreNotTheSame(t *testing.T) {
	var l limits
	for i, row := range rowsOf(100) {
		if err := l.count(&Result{Row: row, Outcome: Rejected, Status: 400 + i%2}); err != nil {
			t.Fatalf("after %d rows: %v", i+1, err)
		}
	}
	if l.images != nil {
		t.Errorf("%d images are still remembered", len(l.images))
	}
}
