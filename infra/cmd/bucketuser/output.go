package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// place is where a file is written: what a symbolic link leads to, if the file is one, and "" for "". It fails where a
// file of that name could be read by others, before anything secret is fetched.
func place(file string) (string, error) {
	if file == "" {
		return "", nil
	}
	at, err := filepath.EvalSymlinks(file)
	if errors.Is(err, fs.ErrNotExist) {
		_, err := os.Stat(filepath.Dir(file))
		return file, err
	}
	if err != nil {
		return "", err
	}
	info, err := os.Stat(at)
	switch {
	case err != nil:
		return "", err
	case !info.Mode().IsRegular():
		return "", fmt.Errorf("%s: is no file; leave --output out, to print", file)
	case info.Mode().Perm()&0o077 != 0:
		return "", fmt.Errorf("%s: is there, and others may use it (mode %04o); chmod 600 it or name another file", file, info.Mode().Perm())
	}
	return at, nil
}

// replace writes a file that its owner alone may read. Whoever reads it finds all of what it held or all of the new,
// and it goes on to belong to whom it belonged to. What it holds is shown to isLost first, whose error ends it.
func replace(file string, text []byte, isLost func([]byte) error) error {
	earlier, err := os.ReadFile(file)
	if err == nil {
		err = isLost(earlier)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: %w", file, err)
	}
	fresh, err := os.CreateTemp(filepath.Dir(file), "."+filepath.Base(file)+"-*") // with mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(fresh.Name()) // it is gone unless something has failed
	_, err = fresh.Write(text)
	if err := errors.Join(err, keepOwner(file, fresh), fresh.Sync(), fresh.Close()); err != nil {
		return err
	}
	return os.Rename(fresh.Name(), file)
}

// keepOwner gives a new file the owner of the one that it replaces.
func keepOwner(file string, fresh *os.File) error {
	info, err := os.Stat(file)
	if err != nil {
		return nil // there is none
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok || int(owner.Uid) == os.Geteuid() && int(owner.Gid) == os.Getegid() {
		return nil
	}
	return fresh.Chown(int(owner.Uid), int(owner.Gid))
}
