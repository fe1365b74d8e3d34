//go:build !windows

package main_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"imsrevoke/batch/imagetest"
)

// TestCrashOfARestore withdraws shares and restores them, in a cloud with faults
// and with a program that is killed on the way. In the end every image has the
// members that it had before, no more and no fewer.
func TestCrashOfARestore(t *testing.T) {
	t.Parallel()
	const images, members = 8, 10
	cloud, program, dir := imagetest.NewCloud(), build(t), t.TempDir()
	var rows strings.Builder
	rows.WriteString("image_id,member_id\n")
	for i := range images {
		cloud.Share(imageID(i), bystander)
		for m := range members {
			cloud.Share(imageID(i), fmt.Sprintf("member-%d", m))
			fmt.Fprintf(&rows, "%s,member-%d\n", imageID(i), m)
		}
		fmt.Fprintf(&rows, "%s,never-a-member\n", imageID(i))
	}
	input := filepath.Join(dir, "pairs.csv")
	if err := os.WriteFile(input, []byte(rows.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	state := func() map[string][]string {
		all := make(map[string][]string)
		for _, id := range cloud.Images() {
			all[id] = cloud.Members(id)
		}
		return all
	}
	server := imagetest.NewServer(cloud)
	t.Cleanup(server.Close)
	start := func(verb, file, how string) *victim {
		return setOff(t, program, []string{
			"OS_AUTH_URL=" + server.AuthURL, "OS_USERNAME=" + imagetest.UserName, "OS_PASSWORD=" + imagetest.Password,
			"OS_USER_DOMAIN_NAME=" + imagetest.DomainName, "OS_PROJECT_NAME=" + imagetest.ProjectName, "OS_PROJECT_DOMAIN_NAME=" + imagetest.DomainName,
		}, verb, filepath.Join(dir, file), how, "--yes", "--lock", input+".lock", "--rate", "100/s", "--attempts", "20")
	}
	end := func(v *victim, want int) {
		t.Helper()
		if code, by := v.wait(); code != want || by != 0 {
			t.Fatalf("exit code %d, signal %v\n%s", code, by, v.output.String())
		}
	}

	before := state()
	end(start("run", "pairs.csv", "--resume"), 0)
	for id, left := range state() {
		if len(left) != 1 {
			t.Fatalf("image %s has the members %v after the run", id, left)
		}
	}
	throttled := imagetest.Fault{Status: http.StatusTooManyRequests, RetryAfter: "0"}
	cloud.SetFaults(imagetest.Mix(7,
		imagetest.Chance{P: 0.1, Fault: imagetest.Status(http.StatusServiceUnavailable)},
		imagetest.Chance{P: 0.1, Fault: imagetest.CutAfter()},
		imagetest.Chance{P: 0.02, Fault: throttled}))
	killed := 0
	for ; killed < 3; killed++ {
		requests := cloud.Stats().Requests
		v := start("restore", "pairs.report.csv", "--resume")
		v.until(func() bool { return cloud.Stats().Requests >= requests+15 })
		v.signal(syscall.SIGKILL)
		if _, by := v.wait(); by != syscall.SIGKILL {
			break
		}
	}
	end(start("restore", "pairs.report.csv", "--resume"), 0)
	if diff := cmp.Diff(before, state()); diff != "" {
		t.Errorf("what the images have lost (-) and gained (+):\n%s", diff)
	}
	if killed == 0 || cloud.Stats().ImagesDeleted > 0 {
		t.Errorf("killed %d times, %d images deleted", killed, cloud.Stats().ImagesDeleted)
	}
}
