//go:build linux

package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
)

const helloWorld = `package main

import "fmt"

func main() { fmt.Println("hello, world") }
`

// startUp compares the start of the program with that of a hello world in Go.
// They take turns, because the machine changes its pace.
func startUp(program, dir string) (string, error) {
	const turns = 200
	hello := filepath.Join(dir, "hello")
	if err := os.WriteFile(hello+".go", []byte(helloWorld), 0o666); err != nil {
		return "", err
	}
	if out, err := exec.Command("go", "build", "-o", hello, hello+".go").CombinedOutput(); err != nil {
		return "", fmt.Errorf("build a hello world: %w\n%s", err, out)
	}
	commands := [][]string{{program, "version"}, {hello}}
	seen := make([][]usage, len(commands))
	for range turns {
		for _, i := range rand.Perm(len(commands)) {
			u, _, err := measure(exec.Command(commands[i][0], commands[i][1:]...))
			if err != nil {
				return "", err
			}
			seen[i] = append(seen[i], u)
		}
	}
	ours, theirs := seen[0], seen[1]
	wall := func(u usage) float64 { return u.Seconds }
	cpu := func(u usage) float64 { return u.CPU }
	return fmt.Sprintf("start-up, imsrevoke version vs a hello world in Go: time %s, CPU %s; %.1f ms and %.1f ms\n"+
		"median of %d turns (the middle 80%%)\n",
		middleRatio(ours, theirs, wall), middleRatio(ours, theirs, cpu),
		median(values(ours, wall))*1e3, median(values(theirs, wall))*1e3, turns), nil
}

// middleRatio is the median of what a has of b, turn by turn, with its spread
// without the tenth at either end: of so many turns some meet an interruption.
func middleRatio(a, b []usage, of func(usage) float64) string {
	r := quotients(a, b, of)
	slices.Sort(r)
	return fmt.Sprintf("%.2f (%.2f–%.2f)", median(r), r[len(r)/10], r[len(r)-1-len(r)/10])
}
