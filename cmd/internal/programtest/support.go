package programtest

import (
	"encoding/csv"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"go.uber.org/goleak"

	"imsrevoke/batch/imagetest"
)

// Main runs the tests of a package, and makes their binary serve as the
// program imsrevoke, too, which is then found by its name. It fails when the tests
// leave goroutines behind.
func Main(m *testing.M, program func()) {
	testscript.Main(leakChecked{m}, map[string]func(){"imsrevoke": program})
}

// leakChecked fails when the tests leave goroutines behind. (goleak's own
// VerifyTestMain exits, and testscript has to clean up after the tests.)
type leakChecked struct{ *testing.M }

func (m leakChecked) Run() int {
	code := m.M.Run()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return code
}

// HearHangups keeps programs from inheriting of a test under nohup that SIGHUP
// is ignored.
func HearHangups() {
	if signal.Ignored(syscall.SIGHUP) {
		signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	}
}

// PasswordLogin is the environment for a login with the cloud's own user.
func PasswordLogin(authURL string) map[string]string {
	return map[string]string{
		"OS_AUTH_URL":            authURL,
		"OS_USERNAME":            imagetest.UserName,
		"OS_PASSWORD":            imagetest.Password,
		"OS_USER_DOMAIN_NAME":    imagetest.DomainName,
		"OS_PROJECT_NAME":        imagetest.ProjectName,
		"OS_PROJECT_DOMAIN_NAME": imagetest.DomainName,
	}
}

const ReportHeader = "line,image_id,member_id,outcome,http_status,attempts,duration_ms,request_id,message,finished_at,verified,also_shared_with"

// ReadCSV reads the rows of a CSV, the header first.
func ReadCSV(path string) ([][]string, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return csv.NewReader(file).ReadAll()
}
