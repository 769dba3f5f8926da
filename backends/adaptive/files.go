package adaptive

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
)

// files is a meeting in a folder: NAME.lock, which the one who leads holds, and NAME.sock, where it listens.
type files struct{ base string }

// longest is the length that a path of a socket may have everywhere.
const longest = 100

func newFiles(s Share) (*files, error) {
	if err := lockable(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return nil, err
	}
	st, err := os.Stat(s.Dir)
	if err != nil {
		return nil, err
	}
	if st.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("folder %s is open to others (mode %v)", s.Dir, st.Mode().Perm())
	}
	salt, err := readSalt(filepath.Join(s.Dir, "salt"))
	if err != nil {
		return nil, fmt.Errorf("read the salt of names: %w", err)
	}
	mac := hmac.New(sha256.New, salt)
	fmt.Fprintf(mac, "%q %q", s.Server, s.Key)
	base := filepath.Join(s.Dir, hex.EncodeToString(mac.Sum(nil))[:20])
	if len(base)+len(".sock") > longest {
		return nil, fmt.Errorf("the path %s is too long for a socket", base)
	}
	return &files{base}, nil
}

// readSalt gives the folder's salt, and makes one where there is none. Of several processes that make one at once, one
// makes it for all.
func readSalt(path string) ([]byte, error) {
	for {
		salt, err := os.ReadFile(path)
		if err == nil && len(salt) == sha256.Size || err != nil && !errors.Is(err, fs.ErrNotExist) {
			return salt, err
		}
		if err == nil {
			return nil, fmt.Errorf("%s has %d bytes, want %d: remove it", path, len(salt), sha256.Size)
		}
		salt = make([]byte, sha256.Size)
		_, _ = rand.Read(salt) // it never fails
		f, err := os.CreateTemp(filepath.Dir(path), "salt-*")
		if err != nil {
			return nil, err
		}
		_, err = f.Write(salt)
		err = errors.Join(err, f.Close())
		if err == nil {
			err = os.Link(f.Name(), path) // fails where another one was first
		}
		if removed := os.Remove(f.Name()); removed != nil {
			return nil, errors.Join(err, removed)
		}
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
	}
}

func (f *files) lead() (net.Listener, func(), bool, error) {
	lock, ok, err := tryLock(f.base + ".lock")
	if err != nil || !ok {
		return nil, nil, false, err
	}
	sock := f.base + ".sock"
	if err := os.Remove(sock); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, false, errors.Join(err, lock.Close())
	}
	l, err := net.Listen("unix", sock)
	if err != nil {
		return nil, nil, false, errors.Join(err, lock.Close())
	}
	return l, func() { _ = lock.Close() }, true, nil // the lock ends with its file, whatever Close says
}

func (f *files) dial(ctx context.Context) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, "unix", f.base+".sock")
}
