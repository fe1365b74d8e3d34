package batch

import (
	"fmt"
	"net/url"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxMemberIDLength is the longest member id that Glance stores, in
// characters (the column image_members.member is a VARCHAR(255)).
const MaxMemberIDLength = 255

// A Pair names one share: an image, and the member (on OpenStack and Huawei
// Cloud the id of a project) that it is shared with.
//
// A Pair made by [ParsePair] is safe to use in a request path: neither id can end the
// path early, leave it or vanish from it. Two such pairs are equal if they mean the same
// image and the same project, however their ids were spelled. The zero Pair is not safe.
type Pair struct {
	ImageID  string
	MemberID string
}

// ParsePair returns the pair that two cells name, or an error that says which
// of them cannot be an id and why. See [ParseImageID] and [ParseMemberID] for
// the spellings that are understood.
func ParsePair(imageID, memberID string) (Pair, error) {
	var p Pair
	var err error
	if p.ImageID, err = ParseImageID(imageID); err != nil {
		return Pair{}, err
	}
	if p.MemberID, err = ParseMemberID(memberID); err != nil {
		return Pair{}, err
	}
	return p, nil
}

// ParseImageID returns the image id that a cell holds, as Glance spells the
// ones that it creates: a UUID in lower case with its dashes. In the cell it
// may also be in upper case, without dashes, in braces, after "urn:uuid:", in
// quotes, as a spreadsheet's ="…", or with white space in it or around it. It
// may be the URL of the image, too: one that ends in /images/ and a UUID.
func ParseImageID(cell string) (string, error) {
	id := TrimID(cell)
	if isUUID(id) && !hasUpper(id) {
		return id, nil
	}
	digits, ok := uuidDigits(id)
	if !ok {
		digits, ok = uuidDigits(imageOfURL(unquoteID(id)))
	}
	if !ok {
		return "", ValidateImageID(id)
	}
	return digits[:8] + "-" + digits[8:12] + "-" + digits[12:16] + "-" + digits[16:20] + "-" + digits[20:], nil
}

// ParseMemberID returns the member id that a cell holds. A project id, 128
// bits in any of the spellings that [ParseImageID] knows, is returned as
// Keystone spells it: 32 hexadecimal digits in lower case. Glance takes any
// other text as a member, too; of these, ParseMemberID returns those that are
// one path segment of ASCII letters, digits, "_" and "-", as they are.
//
// The rule is deliberately narrower than what Glance stores: with an id such as "..", or
// one that contains "?", "#" or "/", a request to delete the member becomes a request to
// delete the image.
func ParseMemberID(cell string) (string, error) {
	id := TrimID(cell)
	if IsProjectID(id) {
		return id, nil
	}
	if digits, ok := uuidDigits(id); ok {
		return digits, nil
	}
	if err := ValidateMemberID(id); err != nil {
		return "", err
	}
	return id, nil
}

// IsProjectID reports whether id is a project id as [ParseMemberID] returns it.
func IsProjectID(id string) bool {
	return len(id) == 32 && isLowerHex(id) && !isRounded(id)
}

// ImageKey returns a text that is the same for all spellings of an image id,
// for comparison only. The id need not be valid.
func ImageKey(id string) string {
	if parsed, err := ParseImageID(id); err == nil {
		return parsed
	}
	return strings.ToLower(TrimID(id))
}

// MemberKey returns a text that is the same for all spellings of a member id, for
// comparison only. The id need not be valid. Project ids are the same member if their 128
// bits are equal, all others if they differ in letter case only, as Glance's usual
// database compares them.
func MemberKey(id string) string {
	id = TrimID(id)
	if IsProjectID(id) {
		return id
	}
	if digits, ok := uuidDigits(id); ok {
		return digits
	}
	return strings.ToLower(id)
}

// SpellsMember reports whether a cell spells the member as p does, apart from what marks
// it as text.
func (p Pair) SpellsMember(cell string) bool { return unquoteID(TrimID(cell)) == p.MemberID }

// KeySet returns the keys of ids, made by [ImageKey] or [MemberKey], and nil if
// there are no ids.
func KeySet(ids []string, key func(string) string) map[string]bool {
	if len(ids) == 0 {
		return nil
	}
	set := make(map[string]bool, len(ids))
	for _, id := range ids {
		set[key(id)] = true
	}
	return set
}

// Validate reports why p must not become part of a request path, or nil.
func (p Pair) Validate() error {
	if err := ValidateImageID(p.ImageID); err != nil {
		return err
	}
	return ValidateMemberID(p.MemberID)
}

// uuidDigits returns the 32 hexadecimal digits of a UUID, in lower case, and
// false if id is not one. Dashes in their places may be missing; white space
// between the digits, braces around them and "urn:uuid:" before them do not
// matter (RFC 9562, section 4), nor does what unquoteID removes.
func uuidDigits(id string) (string, bool) {
	const urn = "urn:uuid:"
	id = unquoteID(id)
	if isRounded(id) {
		return "", false
	}
	if len(id) > len(urn) && strings.EqualFold(id[:len(urn)], urn) {
		id = id[len(urn):]
	}
	if len(id) > 2 && id[0] == '{' && id[len(id)-1] == '}' {
		id = TrimID(id[1 : len(id)-1])
	}
	var digits [32]byte
	n := 0
	for _, r := range id {
		switch {
		case r < utf8.RuneSelf && isHexDigit[r]:
			if n == len(digits) {
				return "", false
			}
			digits[n] = byte(r)
			n++
		case r == '-' && (n == 8 || n == 12 || n == 16 || n == 20):
		case !unicode.IsSpace(r) && !invisible(r):
			return "", false
		}
	}
	if n < len(digits) {
		return "", false
	}
	return strings.ToLower(string(digits[:])), true
}

// unquoteID removes what marks a cell as text: quotes, a leading apostrophe, as
// spreadsheets have it, and the formula ="…", with which programs keep spreadsheets from
// changing ids.
func unquoteID(id string) string {
	for {
		inner := id
		for _, marks := range [...][2]string{{`="`, `"`}, {`"`, `"`}, {"'", "'"}, {"“", "”"}, {"‘", "’"}, {"'", ""}} {
			if text, ok := strings.CutPrefix(id, marks[0]); ok && strings.HasSuffix(text, marks[1]) {
				inner = TrimID(strings.TrimSuffix(text, marks[1]))
				break
			}
		}
		if inner == id {
			return id
		}
		id = inner
	}
}

// imageOfURL returns the last part of the URL of an image, and nothing for any
// other text. The part need not be an id.
func imageOfURL(text string) string {
	u, err := url.Parse(text)
	if err != nil || strings.ContainsAny(text, `?#%\`) {
		return ""
	}
	if web := (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""; !web && !strings.HasPrefix(text, "/v2/images/") {
		return ""
	}
	dir, id := path.Split(strings.TrimSuffix(u.Path, "/"))
	if !strings.HasSuffix(dir, "/images/") || path.Clean(dir)+"/" != dir || !isUUID(id) {
		return ""
	}
	return id
}

// isRounded reports whether id is what a spreadsheet makes of 32 decimal digits: it keeps
// 15 of them, and replaces the others with zeros.
func isRounded(id string) bool {
	return len(id) == 32 && id[31] == '0' && isDigits(id) && id[0] != '0' && strings.Trim(id[spreadsheetDigits:], "0") == ""
}

// spreadsheetDigits is how many digits of a number a spreadsheet stores.
const spreadsheetDigits = 15

// TrimID removes what surrounds an id in an exported file: any white space, including
// the no-break space, and invisible characters (zero-width spaces and joiners, byte order
// marks, direction marks).
func TrimID(id string) string {
	if n := len(id); n == 0 || isIDByte[id[0]] && isIDByte[id[n-1]] {
		return id // as nearly all are
	}
	return strings.TrimFunc(id, func(r rune) bool {
		return unicode.IsSpace(r) || invisible(r)
	})
}

// invisible reports whether r is a format character, which is not visible. Spreadsheets
// and web pages leave some around ids.
func invisible(r rune) bool { return unicode.Is(unicode.Cf, r) }

// ValidateImageID reports why id cannot be an image id in a request, or nil.
func ValidateImageID(id string) error {
	if isUUID(id) {
		return nil
	}
	switch {
	case id == "":
		return fmt.Errorf("the image id is empty")
	case isScientific(id), isRounded(id):
		return mangledError("image", id)
	case holdsSeveralIDs(id):
		return severalError("image", id)
	case countHex(id) < minIDDigits && !strings.ContainsAny(id, "/?#%="):
		return fmt.Errorf("the image id %s is not a UUID: it looks like an image name; find the id with: openstack image show -f value -c id NAME", quoteID(id))
	}
	if r, at, ok := oddRune(id); ok {
		return fmt.Errorf("the image id %s is not a UUID: it holds %U %q at character %d", quoteID(id), r, r, at)
	}
	return fmt.Errorf("the image id %s is not a UUID (8-4-4-4-12 hexadecimal digits)", quoteID(id))
}

// ValidateMemberID reports why id cannot be a member id in a request, or nil.
func ValidateMemberID(id string) error {
	if id == "" {
		return fmt.Errorf("the member id is empty")
	}
	if r, at, ok := oddRune(id); ok {
		if isScientific(id) {
			return mangledError("member", id)
		}
		if holdsSeveralIDs(id) {
			return severalError("member", id)
		}
		return fmt.Errorf("the member id %s holds %U %q at character %d; only letters, digits, \"_\" and \"-\" are allowed",
			quoteID(id), r, r, at)
	}
	if len(id) > MaxMemberIDLength {
		return fmt.Errorf("the member id %s has %d characters; at most %d are allowed", quoteID(id), len(id), MaxMemberIDLength)
	}
	return nil
}

// oddRune finds the first rune of id, counted from 1, that is not one of
// [0-9A-Za-z_-].
func oddRune(id string) (r rune, at int, found bool) {
	for i := range len(id) {
		if !isIDByte[id[i]] {
			r, _ := utf8.DecodeRuneInString(id[i:])
			return r, i + 1, true // all before it are of one byte
		}
	}
	return 0, 0, false
}

// Every id is validated when it is read and before each request, by looking up its
// bytes. The dot is not among them, so "." and ".." need no case of their own.
var isIDByte, isHexDigit = bytesOf("0123456789abcdefABCDEF", "ghijklmnopqrstuvwxyzGHIJKLMNOPQRSTUVWXYZ_-")

func bytesOf(hexDigits, others string) (id, hex [256]bool) {
	for i := range len(hexDigits) {
		id[hexDigits[i]], hex[hexDigits[i]] = true, true
	}
	for i := range len(others) {
		id[others[i]] = true
	}
	return id, hex
}

func isUUID(id string) bool {
	return len(id) == 36 && id[8] == '-' && id[13] == '-' && id[18] == '-' && id[23] == '-' &&
		isHex(id[:8]) && isHex(id[9:13]) && isHex(id[14:18]) && isHex(id[19:23]) && isHex(id[24:])
}

func isHex(s string) bool {
	for i := range len(s) {
		if !isHexDigit[s[i]] {
			return false
		}
	}
	return s != ""
}

func isLowerHex(s string) bool {
	for i := range len(s) {
		if c := s[i]; !isHexDigit[c] || 'A' <= c && c <= 'F' {
			return false
		}
	}
	return true
}

func hasUpper(s string) bool {
	for i := range len(s) {
		if 'A' <= s[i] && s[i] <= 'Z' {
			return true
		}
	}
	return false
}

// isScientific reports whether id looks like what a spreadsheet makes of an id
// that it took for a number: 1.23E+31, with a point or a comma.
func isScientific(id string) bool {
	mantissa, exponent, ok := strings.Cut(id, "+")
	if !ok {
		return false
	}
	mantissa, ok = strings.CutSuffix(strings.ToUpper(mantissa), "E")
	return ok && isDigits(exponent) && isDigits(strings.NewReplacer(".", "", ",", "").Replace(mantissa))
}

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || '9' < s[i] {
			return false
		}
	}
	return s != ""
}

// minIDDigits is the number of hexadecimal digits from which a cell is taken for a
// damaged id, and not for a name.
const minIDDigits = 24

func countHex(s string) int {
	n := 0
	for i := range len(s) {
		if isHexDigit[s[i]] {
			n++
		}
	}
	return n
}

// holdsSeveralIDs reports whether a cell holds more than one id of 128 bits, and is not
// a path.
func holdsSeveralIDs(cell string) bool {
	if strings.Contains(cell, "/") {
		return false
	}
	n := 0
	for _, part := range strings.FieldsFunc(cell, func(r rune) bool { return r >= utf8.RuneSelf || !isIDByte[r] }) {
		if _, ok := uuidDigits(part); ok {
			n++
		}
	}
	return n > 1
}

func severalError(what, cell string) error {
	return fmt.Errorf("the %s cell %s holds several ids; write one row for each", what, quoteID(cell))
}

func mangledError(what, id string) error {
	return fmt.Errorf("the %s id %q is a number, made by a spreadsheet from an id; export the file again with the column as text", what, id)
}

// quoteID quotes an id for a message, and truncates a long one.
func quoteID(id string) string {
	const most = 64
	if utf8.RuneCountInString(id) > most {
		return fmt.Sprintf("%q…", string([]rune(id)[:most]))
	}
	return fmt.Sprintf("%q", id)
}

// Mangled reports whether a cell holds a number that a spreadsheet made of an id.
func Mangled(cell string) bool {
	id := TrimID(cell)
	return isScientific(id) || isRounded(id)
}
