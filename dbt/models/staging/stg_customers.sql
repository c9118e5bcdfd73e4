with numbered as (

    select
        customer_id,
        first_purchase_on,
        cohort,
        created_at,
        updated_at,
        "_airbyte_extracted_at" as extracted_at,
        {{ newest_first('customer_id', 'updated_at') }} as version_number
    from {{ source('shop', 'customers') }}

)

select
    cast(customer_id as bigint) as customer_id,
    cast(first_purchase_on as date) as first_purchase_on,
    cast(cohort as varchar) as cohort,
    cast(created_at as timestamp) as created_at,
    cast(updated_at as timestamp) as updated_at,
    cast(extracted_at as timestamp) as extracted_at
from numbered
where version_number = 1
