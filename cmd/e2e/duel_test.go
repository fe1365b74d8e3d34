//go:build e2e

package e2e

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"text/tabwriter"
	"time"
)

var (
	duelRounds  = flag.Int("rounds", 0, "how many rounds of TestDuel are run, each with every number of workers")
	duelPairs   = flag.Int("pairs", 500, "how many shares are revoked in one run of TestDuel")
	duelWorkers = flag.String("workers", "8,16,32", "how many requests may be in flight in TestDuel")
)

// TestDuel races the program against whatever else could revoke the same
// shares from the same Glance, with as many requests in flight: one after the
// other, in an order by lot, each with a token that Glance has not seen yet.
// What they have done is judged by asking Glance. What counts are the ratios
// within one round: the machine is not the same for long.
func TestDuel(t *testing.T) {
	if *duelRounds == 0 {
		t.Skip("it takes -args -rounds N")
	}
	s := newSite(t)
	d := &duel{site: s, crowd: newCrowd(t, s.glance, *duelPairs/100, 100), laps: make(map[string][]lap)}
	fmt.Println("workers  contestant          pairs/s  Glance's CPU/pair  tokens validated  connections of its processes")
	var pools []int
	for text := range strings.SplitSeq(*duelWorkers, ",") {
		workers, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		pools = append(pools, workers)
	}
	for round := range *duelRounds {
		for _, workers := range pools {
			for _, i := range rand.Perm(len(contestants)) {
				if c := contestants[i]; round == 0 || !c.slow {
					d.race(t, c, workers)
				}
			}
		}
	}
	for _, workers := range pools {
		d.tell(workers)
	}
}

// A duel is what is known of the races so far.
type duel struct {
	site  *site
	crowd *crowd
	laps  map[string][]lap // of each round, by lane
}

// A lap is what one contestant has done in one round.
type lap struct {
	rate        float64 // pairs a second
	cpu         float64 // milliseconds of Glance's for a pair
	validations float64 // of tokens, by Keystone
}

// lane is the key of what was measured of a contestant.
func lane(name string, workers int) string { return fmt.Sprint(workers, " ", name) }

// race lets one contestant revoke the crowd's shares, or some of them if it
// is slow.
func (d *duel) race(t *testing.T, c contestant, workers int) {
	t.Helper()
	pairs := d.crowd.pairs
	if c.slow {
		pairs = pairs[:min(len(pairs), c.pairs)]
	}
	reshare(t)
	h := heat{t: t, dir: t.TempDir(), site: d.site, pairs: pairs, workers: workers, token: d.site.people["owner"].token(t, d.site.keystone)}
	remove := c.prepare(h)
	if remove == nil {
		fmt.Printf("%7d  %-18s  not installed\n", workers, c.name)
		return
	}
	client.CloseIdleConnections()
	g := newGlanceWatch(t)
	began := time.Now()
	remove()
	took := time.Since(began)
	seen := g.end()
	n := float64(len(pairs))
	l := lap{rate: n / took.Seconds(), cpu: 1000 * seen.all().Seconds() / n, validations: float64(seen.validations)}
	fmt.Printf("%7d  %-18s  %7.1f  %14.1f ms  %16.0f  %s\n", workers, c.name, l.rate, l.cpu, l.validations, strings.Join(seen.connections, " "))
	if left := d.crowd.left(t); len(left) != len(d.crowd.pairs)-len(pairs) {
		t.Fatalf("%s has left %d shares", c.name, len(left))
	}
	d.laps[lane(c.name, workers)] = append(d.laps[lane(c.name, workers)], l)
}

// reshare has every share that was ever revoked back, in Glance's database:
// through the API it would take longer than the race.
func reshare(t *testing.T) {
	t.Helper()
	out, err := exec.Command("mariadb", "--no-defaults", "-u", "root", "--socket", siteFile("mysql.sock"),
		"-e", "UPDATE glance.image_members SET deleted = 0, deleted_at = NULL WHERE deleted = 1").CombinedOutput()
	if err != nil {
		t.Fatalf("share again: %v\n%s", err, out)
	}
}

// tell prints the medians, and how the program compares with the others in the
// median and in its worst round.
func (d *duel) tell(workers int) {
	ours := d.laps[lane(program, workers)]
	best := make([]float64, len(ours))
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "\n%d workers\tpairs/s\tGlance's CPU/pair\ttokens validated\t%s : it\tworst round\t\n", workers, program)
	for _, c := range contestants {
		laps := d.laps[lane(c.name, workers)]
		if len(laps) == 0 {
			continue
		}
		var ratios []float64
		for round, l := range laps {
			ratios = append(ratios, ours[round].rate/l.rate)
			if c.name != program {
				best[round] = max(best[round], l.rate)
			}
		}
		fmt.Fprintf(w, "%s\t%.1f\t%.1f ms\t%.0f\t%.2f\t%.2f\t\n", c.name, medianOf(laps, func(l lap) float64 { return l.rate }),
			medianOf(laps, func(l lap) float64 { return l.cpu }), medianOf(laps, func(l lap) float64 { return l.validations }),
			median(ratios), slices.Min(ratios))
	}
	var ratios []float64
	for round, rate := range best {
		ratios = append(ratios, ours[round].rate/rate)
	}
	fmt.Fprintf(w, "the best of the round\t\t\t\t%.2f\t%.2f\t\n", median(ratios), slices.Min(ratios))
	w.Flush()
}

func medianOf(laps []lap, figure func(lap) float64) float64 {
	var figures []float64
	for _, l := range laps {
		figures = append(figures, figure(l))
	}
	return median(figures)
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
}
