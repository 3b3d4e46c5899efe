"""imagefetch beside what else fetches a list of pictures; see README.md."""
