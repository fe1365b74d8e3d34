//go:build e2e

package e2e

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/image/v2/images"
	"github.com/gophercloud/gophercloud/v2/openstack/image/v2/members"
	"github.com/gophercloud/gophercloud/v2/pagination"

	"imsrevoke/batch/imagetest"
)

// database asks Glance's database, and returns the rows.
func database(t *testing.T, query string) []string {
	t.Helper()
	cmd := exec.Command("mariadb", "--no-defaults", "-u", "root", "--socket", siteFile("mysql.sock"), "--default-character-set=utf8mb4",
		"--skip-column-names", "--batch", "glance")
	cmd.Stdin = strings.NewReader(query)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%.200s: %v\n%s", query, err, out)
	}
	return strings.FieldsFunc(string(out), func(r rune) bool { return r == '\n' })
}

// An owned is a project with images of its own, for tests of lists.
type owned struct {
	site          *site
	project       string
	owner, reader person
	realm         *realm // in which "owner" is its own
}

func (s *site) newOwned(t *testing.T, secure bool) *owned {
	t.Helper()
	o := &owned{site: s, project: s.addProject(t)}
	o.owner, o.reader = s.addPerson(t, o.project, "member"), s.addPerson(t, o.project, "reader")
	real := s.glance
	if secure {
		real = s.secure
	}
	o.realm = &realm{
		name: real.name, keystone: real.keystone, image: real.image, region: real.region, secure: real.secure,
		people: map[string]person{"owner": o.owner, "reader": o.reader, "admin": s.people["admin"], "consumer": s.people["consumer"]},
	}
	o.realm.addImage, o.realm.setVisibility = o.realm.createImage, o.realm.patchVisibility
	return o
}

// shares are those of the project, or of all, as the database has them.
func (o *owned) shares(t *testing.T, where string) []string {
	t.Helper()
	return database(t, `SELECT CONCAT_WS(' ', i.id, HEX(m.member), m.status, i.os_hidden, DATE_FORMAT(m.created_at, '%Y-%m-%dT%TZ'), DATE_FORMAT(m.updated_at, '%Y-%m-%dT%TZ'))
		FROM images i JOIN image_members m ON m.image_id = i.id
		WHERE i.deleted = 0 AND m.deleted = 0 AND i.visibility = 'shared' AND `+where+` ORDER BY 1`)
}

func (o *owned) ownShares(t *testing.T) []string { return o.shares(t, "i.owner = '"+o.project+"'") }

// A listed is what a run of list has left.
type listed struct {
	code    int
	output  string
	summary document
	rows    []map[string]string
}

// list runs the program, and reads the list that it has written.
func (o *owned) list(t *testing.T, who person, flags ...string) listed {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "list.csv")
	environ := append([]string{"HOME=" + dir, "PATH=" + os.Getenv("PATH")}, who.environment(o.realm.keystone, o.realm.region)...)
	args := append([]string{"list", "--output", path, "--summary", "json", "--rate", "unlimited"}, flags...)
	cmd := exec.Command(o.site.program, args...)
	cmd.Env = environ
	var complaints strings.Builder
	cmd.Stderr = &complaints
	out, _ := cmd.Output()
	l := listed{code: cmd.ProcessState.ExitCode(), output: string(out) + complaints.String()}
	if len(out) > 0 {
		if err := json.Unmarshal(out, &l.summary); err != nil {
			t.Fatalf("%v\n%s", err, l.output)
		}
	}
	file, err := os.Open(path)
	if err != nil {
		return l
	}
	defer file.Close()
	records, err := csv.NewReader(file).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, record := range records[1:] {
		row := make(map[string]string)
		for i, name := range records[0] {
			row[name] = record[i]
		}
		l.rows = append(l.rows, row)
	}
	return l
}

// keys are the rows of the list as shares has those of the database.
func (l listed) keys() []string {
	var keys []string
	for _, row := range l.rows {
		hidden := map[string]string{"true": "1", "false": "0"}[row["hidden"]]
		member := strings.NewReplacer(`\n`, "\n").Replace(strings.TrimPrefix(row["member_id"], "'"))
		keys = append(keys, strings.Join([]string{row["image_id"], fmt.Sprintf("%X", member), row["status"], hidden, row["first_shared_at"], row["status_changed_at"]}, " "))
	}
	slices.Sort(keys)
	return keys
}

func (l listed) number(name string) int { n, _ := l.summary[name].(float64); return int(n) }

// expect holds that the list is complete, and has these shares and counts.
func (l listed) expect(t *testing.T, who string, want []string, counts map[string]int) {
	t.Helper()
	if l.code != 0 || l.summary["complete"] != true {
		t.Errorf("%s: exit code %d\n%s", who, l.code, l.output)
	}
	slices.Sort(want)
	if got := l.keys(); !slices.Equal(got, want) {
		t.Errorf("%s: %d shares, the database has %d\n%v\n%v", who, len(got), len(want), got, want)
	}
	for name, n := range counts {
		if l.number(name) != n {
			t.Errorf("%s: %s is %d, want %d", who, name, l.number(name), n)
		}
	}
}

// testList: list says what is in Glance's database, whoever asks, or that it does
// not know.
func testList(t *testing.T, s *site) {
	for _, secure := range []bool{false, true} {
		o := s.newOwned(t, secure)
		t.Run(o.realm.name, func(t *testing.T) { o.testKinds(t) })
	}
	o := s.newOwned(t, false)
	t.Run("gone", func(t *testing.T) { o.testGone(t) })
	t.Run("received", func(t *testing.T) { o.testReceived(t) })
	t.Run("two thousand images", func(t *testing.T) { o.testMany(t) })
}

// testKinds: images and members of every kind.
func (o *owned) testKinds(t *testing.T) {
	r, s := o.realm, o.site
	consumer := s.people["consumer"].projectID
	for _, is := range []traits{{}, {hidden: true}, {protected: true}, {status: "active"}, {status: "deactivated"}} {
		image := r.addImage(t, is)
		r.share(t, image, consumer, newID(), "Research", "a/b", "=1+1", "two\nlines", "ümlaut", strings.ToUpper(newID()))
		r.answer(t, "consumer", image, []string{"accepted", "rejected"}[len(is.status)%2])
	}
	again := r.addImage(t, traits{})
	r.share(t, again, consumer)
	r.as(t, "owner", http.MethodDelete, "/v2/images/"+again+"/members/"+consumer, nil)
	r.share(t, again, consumer)
	bare := r.addImage(t, traits{})
	r.as(t, "owner", http.MethodPatch, "/v2/images/"+bare, patch{{"op": "replace", "path": "/name", "value": "=cmd|' \"x\"\nsecond line"}})
	for _, visibility := range []string{"private", "public", "community"} {
		image := r.addImage(t, traits{})
		r.share(t, image, newID()) // which stays, and cannot be seen
		r.setVisibility(t, image, visibility)
	}
	theirs := s.glance.addImage(t, traits{})
	s.glance.share(t, theirs, o.project)
	demand(t, http.MethodPut, s.glance.image+"/v2/images/"+theirs+"/members/"+o.project, o.owner.token(t, s.keystone), map[string]any{"status": "accepted"})

	want := o.ownShares(t)
	if len(want) != 5*8+1 {
		t.Fatalf("the database has %d shares", len(want))
	}
	counts := map[string]int{"images": 10, "lists_read": 7, "not_shared": 3}
	o.list(t, o.owner).expect(t, "the owner", want, counts)
	o.list(t, o.reader).expect(t, "a reader", want, counts)
	o.list(t, s.people["admin"], "--owner", o.project).expect(t, "an admin", want, counts)
	o.list(t, s.people["admin"], "--all-projects").expect(t, "an admin, of all", o.shares(t, "true"), nil)

	// Those who see less do not say that there is nothing.
	for _, flags := range [][]string{{"--owner", o.project}, {"--all-projects"}} {
		if l := o.list(t, s.people["stranger"], flags...); l.code != 3 || l.rows != nil {
			t.Errorf("a stranger, %v: exit code %d\n%s", flags, l.code, l.output)
		}
	}
	audit := s.addApplicationCredential(t, o.owner, []imagetest.AccessRule{
		{Method: http.MethodGet, Path: "/v2/images"}, {Method: http.MethodGet, Path: "/v2/images/*/members"},
	}, "reader")
	o.list(t, audit).expect(t, "a credential for audits alone", want, counts)
	bareCredential := s.addApplicationCredential(t, o.owner, nil, "member")
	l := o.list(t, bareCredential)
	t.Logf("an application credential without the reader role: exit code %d\n%s", l.code, l.output)
	if r.secure && l.code != 3 {
		t.Errorf("an application credential without the reader role: exit code %d\n%s", l.code, l.output)
	}

	// The list is what run and check read, and what --not-in compares with.
	all := o.list(t, o.owner)
	file := filepath.Join(t.TempDir(), "all.csv")
	o.write(t, file, all)
	if l := o.list(t, o.owner, "--not-in", file); l.code != 0 || len(l.rows) > 0 || l.number("unused_entries") > 0 {
		t.Errorf("against itself: exit code %d\n%s", l.code, l.output)
	}
	one := all.rows[0]
	if l := o.list(t, o.owner, "--member", one["member_id"], "--image", strings.ToUpper(one["image_id"])); len(l.rows) != 1 {
		t.Errorf("one share: %d rows\n%s", len(l.rows), l.output)
	}
}

// write writes rows as an allow list.
func (o *owned) write(t *testing.T, path string, l listed) {
	t.Helper()
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	w := csv.NewWriter(file)
	w.Write([]string{"image_id", "member_id"})
	for _, row := range l.rows {
		w.Write([]string{row["image_id"], row["member_id"]})
	}
	if w.Flush(); w.Error() != nil {
		t.Fatal(w.Error())
	}
}

// testGone: a project that was deleted, one that is disabled, and one that is there.
func (o *owned) testGone(t *testing.T) {
	s := o.site
	gone, disabled, present := s.addProject(t), s.addProject(t), s.addProject(t)
	image := o.realm.addImage(t, traits{})
	o.realm.share(t, image, gone, disabled, present, "Research", strings.ToUpper(newID()))
	s.identity(t, http.MethodDelete, "/projects/"+gone, nil)
	s.identity(t, http.MethodPatch, "/projects/"+disabled, map[string]any{"project": map[string]any{"enabled": false}})

	l := o.list(t, s.people["admin"], "--owner", o.project, "--names")
	states := make(map[string]string)
	for _, row := range l.rows {
		states[row["member_id"]] = row["member_state"]
	}
	if l.code != 0 || states[gone] != "gone" || states[disabled] != "disabled" || states[present] != "present" || states["Research"] != "unknown" {
		t.Errorf("exit code %d, states %v\n%s", l.code, states, l.output)
	}
	l = o.list(t, s.people["admin"], "--owner", o.project, "--gone")
	if l.code != 1 || len(l.rows) != 2 { // and the id that nobody has
		t.Errorf("exit code %d, %d rows\n%s", l.code, len(l.rows), l.output)
	}
	if l := o.list(t, o.owner, "--gone"); l.code != 2 || !strings.Contains(l.output, "may not look up projects") {
		t.Errorf("the owner: exit code %d\n%s", l.code, l.output)
	}
	if l := o.list(t, o.owner, "--names"); l.code != 0 || len(l.rows) != 5 {
		t.Errorf("the owner: exit code %d\n%s", l.code, l.output)
	}
}

// testReceived: the images that are shared with a project, whatever it made of that.
func (o *owned) testReceived(t *testing.T) {
	s := o.site
	member := s.addPerson(t, s.addProject(t), "member")
	o.realm.people["member"] = member
	want := make(map[string]string)
	for i, status := range []string{"pending", "accepted", "rejected"} {
		image := o.realm.addImage(t, traits{hidden: i == 1})
		o.realm.share(t, image, member.projectID)
		if status != "pending" {
			o.realm.answer(t, "member", image, status)
		}
		want[image] = status
	}
	l := o.list(t, member, "--received")
	got := make(map[string]string)
	for _, row := range l.rows {
		got[row["image_id"]] = row["status"]
		if row["image_owner"] != o.project || row["member_id"] != member.projectID {
			t.Errorf("%v", row)
		}
	}
	if l.code != 0 || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("exit code %d, %v; want %v\n%s", l.code, got, want, l.output)
	}
	if l := o.list(t, s.people["admin"], "--received"); l.code != 3 {
		t.Errorf("an admin: exit code %d\n%s", l.code, l.output)
	}
}

// addMany puts a thousand images of five members each into the database: through the
// API it would take minutes. One in ten is hidden.
func (o *owned) addMany(t *testing.T) (images, shares int) {
	t.Helper()
	const count, each = 1000, 5
	var imageRows, memberRows []string
	for i := range count {
		id, hidden := newImageID(), i%10/9
		imageRows = append(imageRows, fmt.Sprintf("('%s', 'image %d', 'queued', 'shared', '%s', NOW(), NOW(), 0, 0, %d, 0, 0, 'raw', 'bare')", id, i, o.project, hidden))
		for range each {
			memberRows = append(memberRows, fmt.Sprintf("('%s', '%s', 0, NOW(), NOW(), 0, 'pending')", id, newID()))
		}
	}
	database(t, "INSERT INTO images (id, name, status, visibility, owner, created_at, updated_at, deleted, protected, os_hidden, min_disk, min_ram, disk_format, container_format) VALUES "+strings.Join(imageRows, ","))
	database(t, "INSERT INTO image_members (image_id, member, can_share, created_at, updated_at, deleted, status) VALUES "+strings.Join(memberRows, ","))
	return count, count * each
}

// testMany: more images than a page has.
func (o *owned) testMany(t *testing.T) {
	many := o.site.newOwned(t, false)
	images, shares := many.addMany(t)
	more, _ := many.addMany(t)
	want := many.ownShares(t)
	if len(want) != 2*shares {
		t.Fatalf("the database has %d shares", len(want))
	}
	many.list(t, many.reader).expect(t, "a reader", want, map[string]int{"images": images + more})
}

// TestDuelOfLists races list against a loop with gophercloud that makes the same
// reads, with as many requests in flight, and against openstack in a shell loop, on
// some of the images. What counts are the ratios within one round.
func TestDuelOfLists(t *testing.T) {
	if *duelRounds == 0 {
		t.Skip("it takes -args -rounds N")
	}
	o := newSite(t).newOwned(t, false)
	images, shares := o.addMany(t)
	for _, workers := range []int{1, 8, 32} {
		var ratios, ours, theirs []float64
		for round := range *duelRounds {
			race := func(list func() int) float64 {
				began := time.Now()
				if n := list(); n != shares {
					t.Errorf("%d shares, want %d", n, shares)
				}
				return float64(images) / time.Since(began).Seconds()
			}
			program := func() int { return len(o.list(t, o.reader, "--workers", strconv.Itoa(workers)).rows) }
			loop := func() int { return o.plainLoop(t, workers) }
			var a, b float64
			if round%2 == 0 {
				a, b = race(program), race(loop)
			} else {
				b, a = race(loop), race(program)
			}
			ours, theirs, ratios = append(ours, a), append(theirs, b), append(ratios, a/b)
		}
		fmt.Printf("list, %2d workers: %s %.0f images/s, gophercloud in a loop %.0f images/s, ratio %.2f (worst round %.2f)\n",
			workers, program, median(ours), median(theirs), median(ratios), slices.Min(ratios))
	}
	if _, err := exec.LookPath("openstack"); err == nil {
		const some = 5
		ids := database(t, fmt.Sprintf("SELECT id FROM images WHERE owner = '%s' AND os_hidden = 0 LIMIT %d", o.project, some))
		began := time.Now()
		cmd := exec.Command("sh", "-c", "for i in "+strings.Join(ids, " ")+"; do openstack image member list $i -f csv; done")
		cmd.Env = append(os.Environ(), o.owner.environment(o.realm.keystone, o.realm.region)...)
		cmd.Env = append(cmd.Env, "OS_IDENTITY_API_VERSION=3")
		out, err := cmd.Output()
		if n := strings.Count(string(out), "ending"); err != nil || n < some {
			t.Errorf("%v, %d members", err, n)
		}
		fmt.Printf("list, openstack image member list in a shell loop: %.2f images/s\n", some/time.Since(began).Seconds())
	}
}

// plainLoop lists the images and their members with gophercloud, and counts the
// members. It makes the reads that list makes: hidden images before and after the
// others, so that none is missed that is hidden or shown meanwhile.
func (o *owned) plainLoop(t *testing.T, workers int) int {
	t.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: workers}
	defer transport.CloseIdleConnections()
	image := &gophercloud.ServiceClient{
		ProviderClient: &gophercloud.ProviderClient{TokenID: o.owner.token(t, o.site.keystone), HTTPClient: http.Client{Transport: transport}},
		Endpoint:       o.realm.image + "/", ResourceBase: o.realm.image + "/v2/",
	}
	ids := make(chan string)
	var wg sync.WaitGroup
	var mu sync.Mutex
	count := 0
	for range workers {
		wg.Go(func() {
			for id := range ids {
				pages, err := members.List(image, id).AllPages(t.Context())
				if err != nil {
					t.Error(err)
					continue
				}
				all, err := members.ExtractMembers(pages)
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				count += len(all)
				mu.Unlock()
			}
		})
	}
	seen := make(map[string]bool)
	for _, hidden := range []bool{true, false, true} {
		pager := images.List(image, images.ListOpts{Owner: o.project, Limit: 1000, Hidden: hidden})
		err := pager.EachPage(t.Context(), func(_ context.Context, page pagination.Page) (bool, error) {
			found, err := images.ExtractImages(page)
			for _, i := range found {
				if !seen[i.ID] {
					seen[i.ID] = true
					ids <- i.ID
				}
			}
			return true, err
		})
		if err != nil {
			t.Error(err)
		}
	}
	close(ids)
	wg.Wait()
	return count
}
