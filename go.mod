module bailey

go 1.26.0
