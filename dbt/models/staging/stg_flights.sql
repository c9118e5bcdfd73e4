with typed as (

    select
        cast("year" as integer) as flight_year,
        cast("month" as integer) as flight_month,
        cast("day" as integer) as flight_day,
        cast(carrier as varchar) as carrier,
        cast(flight as integer) as flight_number,
        cast(tailnum as varchar) as tail_number,
        cast(origin as varchar) as origin,
        cast(dest as varchar) as destination,
        cast(sched_dep_time as integer) as scheduled_departure,
        cast(dep_time as integer) as departure,
        cast(dep_delay as integer) as departure_delay_minutes,
        cast(sched_arr_time as integer) as scheduled_arrival,
        cast(arr_time as integer) as arrival,
        cast(arr_delay as integer) as arrival_delay_minutes,
        cast(air_time as integer) as air_minutes,
        cast(distance as integer) as distance_miles,
        cast("_airbyte_extracted_at" as timestamp) as extracted_at
    from {{ source('nycflights', 'flights') }}

)

select
    cast(
        concat(
            cast(flight_year as varchar),
            '-',
            lpad(cast(flight_month as varchar), 2, '0'),
            '-',
            lpad(cast(flight_day as varchar), 2, '0')
        ) as date
    ) as flight_on,
    carrier,
    flight_number,
    tail_number,
    origin,
    destination,
    scheduled_departure,
    departure,
    departure_delay_minutes,
    scheduled_arrival,
    arrival,
    arrival_delay_minutes,
    air_minutes,
    distance_miles,
    departure is null as is_cancelled,
    extracted_at
from typed
