package main

import (
	"encoding/json"
	"fmt"
)

// seeded makes the same bytes in every driver.
func seeded(size int, seed int32, alphabet int) []byte {
	b := make([]byte, size)
	x := uint32(seed) | 1
	for i := range b {
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
		r := x >> 24
		if alphabet == 256 {
			b[i] = byte(r)
		} else {
			b[i] = byte(97 + int(r)%alphabet)
		}
	}
	return b
}

func body(spec json.RawMessage) ([]byte, error) {
	var text string
	if json.Unmarshal(spec, &text) == nil {
		return []byte(text), nil
	}
	s := struct {
		Size     int
		Seed     int32
		Alphabet int
	}{Alphabet: 256}
	if err := json.Unmarshal(spec, &s); err != nil {
		return nil, err
	}
	return seeded(s.Size, s.Seed, s.Alphabet), nil
}

func flowBody(prefix string, n int, size int) []byte {
	head := []byte(fmt.Sprintf("%s-%d:", prefix, n))
	if size <= len(head) {
		return head
	}
	return append(head, seeded(size-len(head), int32(n), 26)...)
}
